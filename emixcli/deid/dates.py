"""Dates moved by days: in DA and DT values (PS3.15 section E.3.6).

Whole days are added, so times of day, offsets from UTC and all intervals stay as they are.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

_DA: Final = re.compile(r"(\d{4})[.:/-]?(\d{2})[.:/-]?(\d{2})")
_DT: Final = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{0,6}(?:\.\d{1,6})?(?:[+-]\d{4})?)")


def shift_da(text: str, days: int) -> str | None:
    """Return a DA value moved by days; None if it is no date. Ranges and ACR-NEMA dots are read."""
    found = _DA.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    return shifted(int(found[1]), int(found[2]), int(found[3]), days)


def shift_dt(text: str, days: int) -> str | None:
    """Return a DT value moved by days, as precise as it was; None if it is none."""
    found = _DT.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    year, month, day, rest = found.groups()
    moved = shifted(int(year), int(month or 7), int(day or 15), days)
    if moved is None:
        return None
    return moved[: 4 + 2 * (month is not None) + 2 * (day is not None)] + rest


def shifted(year: int, month: int, day: int, days: int) -> str | None:
    """Return a day moved by days, as DA; None if there is no such day."""
    try:
        moved = dt.date(year, month, day) + dt.timedelta(days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04}{moved.month:02}{moved.day:02}"
