"""Words with their numbers."""

from __future__ import annotations


def some(n: int, word: str) -> str:
    """Return a number with its noun: `1 study`, `2 studies`."""
    many = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{n} {word if n == 1 else many}"


def groups(fingerprint: str) -> str:
    """Return a fingerprint as it is read out: in groups of four."""
    return " ".join(fingerprint[start : start + 4] for start in range(0, len(fingerprint), 4))
