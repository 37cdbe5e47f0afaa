"""What a running installation needs besides the application itself: the embedded server, the processes."""
