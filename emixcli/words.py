"""How numbers are said to people: with their nouns, as sizes, as fingerprints."""

from __future__ import annotations

from typing import Final

_UNITS: Final = ("B", "kB", "MB", "GB", "TB")


def noun(n: int, word: str) -> str:
    """Return a noun as it stands behind a number: `study`, `studies`."""
    if n == 1 or word.endswith("s"):
        return word
    return word[:-1] + "ies" if word.endswith("y") else word + "s"


def some(n: int, word: str) -> str:
    """Return a number with its noun: `1 study`, `2 studies`."""
    return f"{n} {noun(n, word)}"


def size_text(n: float) -> str:
    """Return a size for people: `1.4 GB`, decimal units as in the trade."""
    for unit in _UNITS:
        if n < 1000 or unit == _UNITS[-1]:
            break
        n /= 1000
    return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"


def groups(fingerprint: str) -> str:
    """Return a fingerprint as it is read out: in groups of four."""
    return " ".join(fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4))
