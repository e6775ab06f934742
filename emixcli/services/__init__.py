"""Use cases: each does one job of the command line, without a terminal."""
