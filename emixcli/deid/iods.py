"""Types of attributes (PS3.5 section 7.4) in the IODs of PS3.3, as far as actions depend on them.

A conditional type counts as unconditional: only attributes that are there are asked about.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from emixcli.deid import tables

Types = Mapping[int, int]


@lru_cache(maxsize=1)
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tables.read("iod_types.json"))
    return document


@lru_cache(maxsize=256)
def types_of(sop_class_uid: str) -> Types:
    """Return 1 or 2 per tag of a data set; the strictest of all where the IOD is unknown."""
    document = _document()
    iod = document["classes"].get(sop_class_uid)
    modules = document["modules"]
    numbers = range(len(modules)) if iod is None else document["iods"][iod]
    return _merged(modules[number] for number in numbers)


@lru_cache(maxsize=1024)
def types_in(sequence: int) -> Types:
    """Return 1 or 2 per tag of an item of a sequence: the strictest of all IODs."""
    packed = _document()["nested"].get(f"{sequence:08X}")
    return {} if packed is None else _merged((packed,))


def _merged(packed: Iterable[list[str]]) -> Types:
    found: dict[int, int] = {}
    for first, second in packed:
        for digits, kind in ((second, 2), (first, 1)):
            for at in range(0, len(digits), 8):
                tag = int(digits[at : at + 8], 16)
                found[tag] = min(kind, found.get(tag, 2))
    return found
