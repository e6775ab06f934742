"""Discs and their images: bad sectors, file systems, sessions, what no directory names."""
