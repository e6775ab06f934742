"""The HTTP side of the exchange: routes, bodies, streams."""
