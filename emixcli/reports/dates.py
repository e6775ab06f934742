"""Dates as people write them, and whether two birth dates are the same.

Months are read by name in many languages (`data/labels.tsv`); day and month that are both digits
may stand in either order, so a date may mean two days, unless points say that the day is first or
other dates of the text tell their order.
"""

from __future__ import annotations

import enum
import functools
import re
from collections.abc import Collection, Iterator
from typing import Final

from emixcli.reports.labels import any_of, plain_letters, tables


class Link(enum.Enum):
    """How two values for one thing stand to each other."""

    MISSING = "one side has none"
    EQUAL = "equal"
    UNSURE = "equal in one of two ways to read it"
    SLIP = "day and month changed places, or one digit differs"
    OTHER = "different, without contradiction"
    CONFLICT = "contradiction"


_WHOLE_DATE: Final = len("YYYYMMDD")
_GENERATION_YEARS: Final = 11  # a slip in the year's decade would be parent and child
_MAX_MONTH, _MAX_DAY = 12, 31
_NO_DATE: Final = re.compile(r"0000|9999|19000101|11111111")
_LINKS: Final = (Link.EQUAL, Link.UNSURE, Link.OTHER, Link.SLIP, Link.CONFLICT)

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
            rf"(?<!\d)(?P<a>\d{{1,2}})(?P<gap>{_GAP})(?P<b>\d{{1,2}}){_GAP}{year}",
            r"(?<![\w.])(?P<y>(?:19|20)\d\d)(?P<m>\d\d)(?P<d>\d\d)(?!\w)",
        )
    )


def find_dates(
    text: str, *, day_first: bool | None = None
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the place of each whole date in a text and what it may mean, as YYYYMMDD.

    A year of two digits is of either century.

    Parameters
    ----------
    day_first
        The order of day and month where both are digits, None where it is not known.
    """
    letters = plain_letters(text)
    for pattern in _written():
        for match in pattern.finditer(letters):
            if found := _meanings(match.groupdict(), day_first=day_first):
                yield match.start(), found


def find_order(text: str) -> bool | None:
    """Return whether the day stands before the month in all dates of a text that tell it."""
    letters = plain_letters(text)
    found = set()
    for pattern in _written():
        for match in pattern.finditer(letters) if "a" in pattern.groupindex else ():
            one, other = int(match["a"]), int(match["b"])
            is_date = bool(_whole(match.groupdict(), {(one, other), (other, one)}))
            if is_date and "." not in match["gap"] and max(one, other) > _MAX_MONTH:
                found.add(one > _MAX_MONTH)
    return found.pop() if len(found) == 1 else None


def is_unsure(days: Collection[str]) -> bool:
    """Whether what a date may mean differs by the order of day and month."""
    return any(_exchanged(day) != day and _exchanged(day) in days for day in days)


def _exchanged(day: str) -> str:
    return day[:4] + day[6:] + day[4:6]


def _centuries(year: str) -> list[str]:
    year = f"{int(year):0{len(year)}}"  # the digits of any script as those of ASCII
    return [year] if len(year) > len("YY") else ["19" + year, "20" + year]


def _meanings(parts: dict[str, str | None], *, day_first: bool | None = None) -> tuple[str, ...]:
    if parts.get("a"):
        one, other = int(parts["a"] or 0), int(parts["b"] or 0)
        day_first = True if "." in (parts["gap"] or "") else day_first
        pairs = {None: {(one, other), (other, one)}, True: {(one, other)}, False: {(other, one)}}
        found = _whole(parts, pairs[day_first])
        return found or _whole(parts, pairs[None])
    name = parts.get("n")
    month = tables().months[name] if name else int(parts["m"] or 0)
    return _whole(parts, {(int(parts["d"] or 0), month)})


def _whole(parts: dict[str, str | None], pairs: set[tuple[int, int]]) -> tuple[str, ...]:
    return tuple(
        f"{year}{month:02}{day:02}"
        for year in _centuries(parts["y"] or "")
        for day, month in sorted(pairs)
        if 1 <= month <= _MAX_MONTH and 1 <= day <= _MAX_DAY
    )


def compare_birth_dates(one: str, other: str) -> Link:
    """Compare dates that may be partial, or placeholders for a missing one."""
    ours, theirs = _dates(one), _dates(other)
    links = [_compare_dates(a, b) for a in ours for b in theirs]
    best = min(links, key=_LINKS.index, default=Link.MISSING)
    is_one = best == Link.EQUAL and (is_unsure(ours) or is_unsure(theirs))
    return Link.UNSURE if is_one else best


def _compare_dates(one: str, other: str) -> Link:
    if one == other:
        return Link.EQUAL if len(one) == _WHOLE_DATE else Link.OTHER
    short, long = sorted((one, other), key=len)
    if len(short) < len(long):
        return Link.OTHER if long.startswith(short) else Link.CONFLICT
    swapped = _exchanged(one) == other
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
        digits = digits[: min(len(digits) // 2 * 2, _WHOLE_DATE)]
        found = (re.sub(r"(?<=^\d{4})0000$|(?<=^\d{4})00$|(?<=^\d{6})00$", "", digits),)
    return [day for day in found if len(day) >= len("YYYY") and not _NO_DATE.match(day)]


_MAX_VALUE: Final = 60
