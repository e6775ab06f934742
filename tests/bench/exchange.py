"""Rows about the exchange; filled in as its parts land."""

from __future__ import annotations

from tests.bench.setting import Bench

Measured = tuple[str, bool, str, dict[str, str]]


def upload(bench: Bench) -> Measured:
    """Not yet."""
    raise NotImplementedError


download = send = upload
