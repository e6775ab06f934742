"""Dates as people write them, and whether two birth dates are the same.

Months are read by name in many languages (`data/labels.tsv`); day and month that are both digits
may stand in either order, so a date may mean two days.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Iterator
from typing import Final

from emixcli.reports.labels import any_of, plain_letters, tables


class Link(enum.Enum):
    """How two values for one thing stand to each other."""

    MISSING = "one side has none"
    EQUAL = "equal"
    SLIP = "day and month changed places, or one digit differs"
    OTHER = "different, without contradiction"
    CONFLICT = "contradiction"


_WHOLE_DATE: Final = len("YYYYMMDD")
_GENERATION_YEARS: Final = 11  # a slip in the year's decade would be parent and child
_MAX_MONTH, _MAX_DAY = 12, 31
_NO_DATE: Final = re.compile(r"0000|9999|19000101|11111111")
_LINKS: Final = (Link.EQUAL, Link.OTHER, Link.SLIP, Link.CONFLICT)

_OF: Final = r"(?:de\s+|del\s+|di\s+|of\s+)?"
_GAP: Final = r"\s{0,2}[\s./,-]\s{0,2}"
_PARTIAL: Final = re.compile(r"(\d{4})[\s./-]+(\d{1,2})(?!\d)")


@functools.cache
def _written() -> tuple[re.Pattern[str], ...]:
    """Return the ways to write a date; `a` and `b` are day and month in either order."""
    month = any_of(tables().months)
    year = r"(?P<y>\d{4}|\d{2})(?!\d)"
    day = rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|er|o)?\.?[\s./-]{{0,3}}{_OF}"
    after_month = r"[\s./-]{1,3}(?P<d>\d{1,2})(?:st|nd|rd|th)?[\s,./-]{1,3}"
    return tuple(
        re.compile(pattern)
        for pattern in (
            rf"(?<!\d)(?P<y>\d{{4}}){_GAP}(?P<m>\d{{1,2}}){_GAP}(?P<d>\d{{1,2}})(?!\d)",
            r"(?<!\d)(?P<y>\d{4})[年년]\s?(?P<m>\d{1,2})[月월]\s?(?P<d>\d{1,2})[日일]?",
            rf"{day}(?P<n>{month})(?![^\W\d_])\.?[\s,./-]{{0,3}}{_OF}{year}",
            rf"(?<![^\W_])(?P<n>{month})\.?{after_month}(?P<y>\d{{4}})(?!\d)",
            rf"(?<!\d)(?P<a>\d{{1,2}}){_GAP}(?P<b>\d{{1,2}}){_GAP}{year}",
            r"(?<![\w.])(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\w)",
        )
    )


def find_dates(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the place of each whole date in a text and what it may mean, as YYYYMMDD.

    A year of two digits is of either century.
    """
    letters = plain_letters(text)
    for pattern in _written():
        for match in pattern.finditer(letters):
            if found := _meanings(match):
                yield match.start(), found


def _meanings(match: re.Match[str]) -> tuple[str, ...]:
    parts = match.groupdict()
    year = f"{int(parts['y']):0{len(parts['y'])}}"  # the digits of any script as those of ASCII
    years = [year] if len(year) > len("YY") else ["19" + year, "20" + year]
    if "a" in parts:
        pairs = {(int(parts["a"]), int(parts["b"])), (int(parts["b"]), int(parts["a"]))}
    else:
        month = tables().months[parts["n"]] if parts.get("n") else int(parts["m"])
        pairs = {(int(parts["d"]), month)}
    return tuple(
        f"{year}{month:02}{day:02}"
        for year in years
        for day, month in sorted(pairs)
        if 1 <= month <= _MAX_MONTH and 1 <= day <= _MAX_DAY
    )


def compare_birth_dates(one: str, other: str) -> Link:
    """Compare dates that may be partial, or placeholders for a missing one."""
    links = [_compare_dates(a, b) for a in _dates(one) for b in _dates(other)]
    return min(links, key=_LINKS.index, default=Link.MISSING)


def _compare_dates(one: str, other: str) -> Link:
    if one == other:
        return Link.EQUAL if len(one) == _WHOLE_DATE else Link.OTHER
    short, long = sorted((one, other), key=len)
    if len(short) < len(long):
        return Link.OTHER if long.startswith(short) else Link.CONFLICT
    swapped = one[:4] + one[6:] + one[4:6] == other
    n_wrong = sum(a != b for a, b in zip(one, other, strict=True))
    near = abs(int(one[:4]) - int(other[:4])) < _GENERATION_YEARS
    return Link.SLIP if near and (swapped or n_wrong == 1) else Link.CONFLICT


def _dates(text: str) -> list[str]:
    """Return what a value that begins with a date may mean: YYYY, YYYYMM or YYYYMMDD."""
    text = text.strip()[:_MAX_VALUE]
    found = next((days for start, days in find_dates(text) if not start), ())
    if not found:
        partial = _PARTIAL.match(text)
        digits = f"{partial[1]}{int(partial[2]):02}" if partial else re.sub(r"\D.*", "", text)
        digits = digits[:_WHOLE_DATE]
        found = (digits[: len(digits) // 2 * 2],)
    return [day for day in found if len(day) >= len("YYYY") and not _NO_DATE.match(day)]


_MAX_VALUE: Final = 60
