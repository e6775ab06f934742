"""Rows about the viewer; filled in as its parts land."""

from __future__ import annotations

from tests.bench.setting import Bench

Measured = tuple[str, bool, str, dict[str, str]]


def first_image(bench: Bench) -> Measured:
    """Not yet."""
    raise NotImplementedError


first_image_slow = scroll = first_image
