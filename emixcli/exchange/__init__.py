"""The client's side of the exchange: `interface` says what it offers, `http` speaks to it."""
