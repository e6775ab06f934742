"""One thin module per verb: parse, call one service, show the result."""
