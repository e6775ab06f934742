"""The tables of the standard that de-identification follows; each is read once, when needed."""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parents[1] / "data"

#: Columns of Table E.1-1 after the Basic Profile, in the order of `Row.options`.
COLUMNS = (
    "retain-safe-private", "retain-uids", "retain-device", "retain-institution",
    "retain-patient-characteristics", "retain-full-dates", "retain-modified-dates",
    "clean-descriptors", "clean-structured-content", "clean-graphics",
)  # fmt: skip


class Row(NamedTuple):
    """A row of PS3.15 Table E.1-1.

    Attributes
    ----------
    basic
        Action of the Basic Profile: `X`, `Z`, `D`, `U`, or several with `/` between.
    options
        One character per option of `COLUMNS`: `K`, `C`, or `-` for none.
    """

    basic: str
    options: str
    name: str


def read(name: str) -> str:
    """Return the text of a table."""
    return (_FOLDER / name).read_text("utf-8")


@lru_cache(maxsize=1)
def profile() -> dict[str, Row]:
    """Return the rows by tag: eight hexadecimal digits, some `x`, or `private`."""
    rows = {}
    for line in read("profile.tsv").splitlines()[1:]:
        tag, basic, options, name = line.split("\t")
        rows[tag] = Row(basic, options, name)
    return rows


def _packed(name: str) -> dict[int, str]:
    """Return what stands before the tab of each line, by the tags behind it."""
    found: dict[int, str] = {}
    for line in read(name).splitlines():
        what, digits = line.split("\t")
        tags = struct.unpack(f">{len(digits) // 8}I", bytes.fromhex(digits))
        found.update(dict.fromkeys(tags, what))
    return found


@lru_cache(maxsize=1)
def dictionary() -> dict[int, str]:
    """Return the value representation of every attribute of PS3.6, the first where there are two.

    Not among them: groups 0000 to 0006, repeating groups, and attributes that may stand anywhere.
    """
    return _packed("dictionary.tsv")


@lru_cache(maxsize=1)
def counts() -> dict[int, int]:
    """Return how many values an attribute of numbers may have (PS3.6), where that is limited."""
    return {tag: int(most) for tag, most in _packed("counts.tsv").items()}


@lru_cache(maxsize=1)
def safe_private() -> dict[tuple[str, int], str]:
    """Return the VR of each element of Table E.3.10-1 by creator and `gggg00ee`."""
    found = {}
    for line in read("safe_private.tsv").splitlines()[1:]:
        group, element, creator, vr, _ = line.split("\t")
        found[creator, int(group, 16) << 16 | int(element, 16)] = vr
    return found


@lru_cache(maxsize=1)
def technical() -> frozenset[int]:
    """Return text attributes outside Table E.1-1 that speak of devices and techniques only."""
    return frozenset(int(line, 16) for line in read("technical.txt").split())


@lru_cache(maxsize=1)
def vocabulary() -> frozenset[str]:
    """Return the words, in lower case, that free text may keep."""
    return frozenset(read("vocabulary.txt").split())


@lru_cache(maxsize=1)
def terms() -> frozenset[str]:
    """Return the words, in lower case, of defined terms and of devices; the vocabulary has more."""
    return frozenset(read("terms.txt").split())


@lru_cache(maxsize=1)
def uids() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return SOP classes that store objects, transfer syntaxes, and the other public UIDs."""
    lines = read("uids.txt").splitlines()
    stored, syntaxes, others = (
        frozenset(line[2:] for line in lines if line[0] == kind) for kind in "STU"
    )
    return stored, syntaxes, others


@lru_cache(maxsize=1)
def listed_codes() -> frozenset[str]:
    """Return public codes that are not written as those of their scheme: scheme, blank, code."""
    return frozenset(read("codes.txt").splitlines())
