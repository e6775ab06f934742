"""Dates moved by days: in DA and DT values and inside text (PS3.15 section E.3.6).

Whole days are added, so times of day, offsets from UTC and all intervals stay as they are.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The shortest date in text has three digits: 1 Jan 50.
_DIGITS: Final = re.compile(r"\d\D*\d\D*\d")

_DA: Final = re.compile(r"(\d{4})[.:/-]?(\d{2})[.:/-]?(\d{2})")
_DT: Final = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{0,6}(?:\.\d{1,6})?(?:[+-]\d{4})?)")

_MONTH: Final = (
    r"(?P<name>jan|feb|m[aä]r|apr|ma[yi]|jun|jul|aug|sep|o[ck]t|nov|de[cz])"
    r"[a-zä]*\.?"
)
_YEAR: Final = r"(?P<year>(?:19|20)\d\d)"
_PATTERNS: Final = (
    (
        rf"(?<!\d){_YEAR}(?P<sep>[-./ :_]?)(?P<month>0[1-9]|1[0-2])(?P=sep)"
        r"(?P<day>0[1-9]|[12]\d|3[01])(?!\d{1,2}(?!\d))"
    ),
    (
        rf"(?<!\d){_YEAR}(?P<sep>[-./_])(?P<month>0?[1-9]|1[0-2])(?P=sep)"
        r"(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)"
    ),
    (
        rf"(?<![\d.])(?P<a>0?[1-9]|[12]\d|3[01])(?P<sep>[-./ _])(?P<b>0?[1-9]|[12]\d|3[01])(?P=sep)"
        rf"{_YEAR}(?!\d)"
    ),
    (
        r"(?<![\d.])(?P<a>0?[1-9]|[12]\d|3[01])(?P<sep>[-/_])(?P<b>0?[1-9]|[12]\d|3[01])(?P=sep)"
        r"(?P<short>\d\d)(?!\d)"
    ),
    (
        rf"(?<!\d)(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?[-./ ]*{_MONTH}[-./, ]*"
        r"(?P<long>(?:19|20)?\d\d)(?!\d)"
    ),
    (
        rf"(?<![a-z]){_MONTH}[-./ ]*(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?[-./, ]+"
        r"(?P<long>(?:19|20)\d\d)(?!\d)"
    ),
    rf"(?<!\d)(?P<a>0[1-9]|[12]\d|3[01])(?P<sep>)(?P<b>0[1-9]|[12]\d|3[01]){_YEAR}(?!\d)",
    # The digits of a date in reverse order.
    r"(?<!\d)(?:\d[0-2]|[01]3)(?:\d0|[0-2]1)\d\d(?:91|02)(?!\d)",
)
_TEXTS: Final = tuple(re.compile(pattern, re.IGNORECASE) for pattern in _PATTERNS)


def shift_da(text: str, days: int) -> str | None:
    """Return a DA value moved by days; None if it is no date. Ranges and ACR-NEMA dots are read."""
    found = _DA.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    return _shifted(int(found[1]), int(found[2]), int(found[3]), days)


def shift_dt(text: str, days: int) -> str | None:
    """Return a DT value moved by days, as precise as it was; None if it is none."""
    found = _DT.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    year, month, day, rest = found.groups()
    moved = _shifted(int(year), int(month or 7), int(day or 15), days)
    if moved is None:
        return None
    return moved[: 4 + 2 * (month is not None) + 2 * (day is not None)] + rest


def _shifted(year: int, month: int, day: int, days: int) -> str | None:
    try:
        moved = dt.date(year, month, day) + dt.timedelta(days)
    except (ValueError, OverflowError):
        return None
    return f"{moved.year:04}{moved.month:02}{moved.day:02}"


def iter_dates(text: str) -> Iterator[re.Match[str]]:
    """Yield what looks like a date, in any usual spelling; matches may overlap."""
    for pattern in _TEXTS:
        yield from pattern.finditer(text)


def replace_dates(text: str, days: int | None) -> str:
    """Return text with its dates moved by days, or left out where `days` is None.

    Only dates that begin with the year are moved: others leave open what is day and what is month.
    """
    if _DIGITS.search(text) is None:
        return text
    matches = sorted(iter_dates(text), key=lambda match: (match.start(), -match.end()))
    if not matches:
        return text
    parts, at = [], 0
    for match in matches:
        if match.start() >= at:
            parts += [text[at : match.start()], _moved(match, days)]
            at = match.end()
        elif match.end() > at:
            at = match.end()  # it overlaps the one before
    return "".join(parts) + text[at:]


def _moved(match: re.Match[str], days: int | None) -> str:
    groups = match.groupdict()
    if days is None or "sep" not in groups or "month" not in groups:
        return ""
    moved = _shifted(int(groups["year"]), int(groups["month"]), int(groups["day"]), days)
    if moved is None:
        return ""
    separator = groups["sep"]
    return separator.join((moved[:4], moved[4:6], moved[6:]))
