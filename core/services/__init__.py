"""What Chatport does, by subject. Services use tables, plugins and the vocabulary; surfaces and jobs use services."""
