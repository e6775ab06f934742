"""Endings of domains that do not exist, or are there twice."""

from __future__ import annotations

from emixcli.guard.slips import within
from emixcli.guard.tables import mail_tables

_USUAL = ("com", "net", "org", "edu", "gov", "info")
#: Top-level domains that exist and lie one slip away from a usual one (IANA's root zone database).
_REAL = frozenset(["cam", "pet", "vet", "bet", "new", "nec", "next", "ong", "gop", "goo", "got"])


def right_ending(domain: str) -> str:
    """The domain with the ending that was probably meant, "" where its own may exist.

    Endings of two letters are countries; of these only what the table names is known not to be one.
    """
    name, _, ending = domain.rpartition(".")
    meant = _meant(ending)
    if meant:
        return f"{name}.{meant}"
    name, _, inner = name.rpartition(".")
    if name and ending in _USUAL and ending in {inner, _meant(inner)}:
        return f"{name}.{ending}"
    return ""


def _meant(ending: str) -> str:
    """The ending that was meant, "" where this one may exist."""
    known = mail_tables().endings.get(ending)
    if known is not None:
        return known
    if len(ending) < 3 or ending in _USUAL or ending in _REAL:
        return ""
    return next((usual for usual in _USUAL if within(ending, usual, 1)), "")


def without_excess(domain: str, known: frozenset[str]) -> str:
    """The known domain that stands before one ending too many, as proton.me.com; else ""."""
    name, _, ending = domain.rpartition(".")
    return name if ending in _USUAL and name in known else ""
