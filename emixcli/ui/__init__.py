"""The terminal: the only part of the command line that draws."""
