"""What the screens read: rows of a few queries each, shaped into records that templates show.

Owns: reading. Must not know: HTTP, HTML.
"""
