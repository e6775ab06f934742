"""Dates inside text, in any usual spelling: moved, left out, or kept but for the birth date."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.deid.dates import shifted

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The shortest date in text has three digits: 1 Jan 50.
_DIGITS: Final = re.compile(r"\d\D*\d\D*\d")
_REVERSED: Final = r"(?:\d[0-2]|[01]3)(?:\d0|[0-2]1)\d\d(?:91|02)"

_YEAR: Final = r"(?P<year>(?:19|20)\d\d)"
_DAY: Final = r"(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)(?:st|nd|rd|th|\.)?"
_A: Final = r"(?P<a>0?[1-9]|[12]\d|3[01])"
_B: Final = r"(?P<b>0?[1-9]|[12]\d|3[01])"
#: Months as they begin in the languages of Western Europe.
_MONTH: Final = (
    r"(?:(?:jan|ene|gen|feb|f[eé]v|m[aä]r|mrt|maart|apr|abr|avr|ma[yigj]|mei|juni?|giu|jul|lug|"
    r"jui|aug|ago|ao[uû]|sep|set|oct|okt|ott|out|nov|de[czs]|d[ií]c|d[eé]c)[a-zäéûç]*)\.?"
)
#: Months in other scripts, and in Roman numbers: only beside a whole year.
_OTHER_MONTH: Final = r"(?:[^\W\d_a-z]{3,12}|[ivx]{1,4})\.?"
_LINK: Final = r"(?:[-./, ]|\bof\b|\bde\b|\bdel\b)*"
_ISO: Final = rf"(?<!\d){_YEAR}(?P<sep>[-./ :_]?)(?P<month>0[1-9]|1[0-2])(?P=sep)"
_SHORT_ISO: Final = rf"(?<!\d){_YEAR}(?P<sep>[-./_])(?P<month>0?[1-9]|1[0-2])(?P=sep)"
_PATTERNS: Final = (
    rf"{_ISO}(?P<day>0[1-9]|[12]\d|3[01])(?!\d{{1,2}}(?!\d))",
    rf"{_SHORT_ISO}(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<![\d.]){_A}(?P<sep>[-./ _]){_B}(?P=sep){_YEAR}(?!\d)",
    rf"(?<![\d.]){_A}(?P<sep>[-/_]){_B}(?P=sep)(?P<short>\d\d)(?!\d)",
    rf"(?<!\d)(?=\d{{8}}){_A}(?P<sep>){_B}{_YEAR}(?!\d)",
    rf"(?<!\d){_DAY}{_LINK}{_MONTH}{_LINK}(?P<year>(?:19|20)?\d\d)(?!\d)",
    rf"(?<!\d){_DAY}{_LINK}{_OTHER_MONTH}{_LINK}{_YEAR}(?!\d)",
    rf"(?<![a-z]){_MONTH}{_LINK}{_DAY}{_LINK}{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}{_LINK}{_MONTH}{_LINK}{_DAY}",
    rf"(?<!\d){_YEAR} ?年 ?(?P<month>\d\d?) ?月 ?(?P<day>\d\d?) ?日",
    rf"(?<!\d)(?P<reversed>{_REVERSED})(?!\d)",
)
_TEXTS: Final = tuple(re.compile(pattern, re.IGNORECASE) for pattern in _PATTERNS)


def iter_dates(text: str) -> Iterator[re.Match[str]]:
    """Yield what looks like a date; matches may overlap."""
    for pattern in _TEXTS:
        yield from pattern.finditer(text)


@dataclass(frozen=True, slots=True)
class TextDates:
    """What happens to dates in text.

    Attributes
    ----------
    days
        By how much they move; None: they are left out.
    keeps
        Whether they stay instead.
    never
        The birth date as DA, or "": it is left out in any case.
    """

    days: int | None = None
    keeps: bool = False
    never: str = ""

    def replace(self, text: str) -> str:
        """Return text with its dates treated.

        Only dates that begin with the year are moved: others leave open what is day and what is
        month, and are left out.
        """
        if (self.keeps and not self.never) or _DIGITS.search(text) is None:
            return text
        plain = text if text.isascii() else "".join(map(_plain_digit, text))
        matches = sorted(iter_dates(plain), key=lambda match: (match.start(), -match.end()))
        parts: list[str] = []
        at = 0
        for match in matches:
            if match.start() < at:
                at = max(at, match.end()) if parts and not parts[-1] else at
                continue
            parts += [text[at : match.start()], self._treated(match, text)]
            at = match.end()
        return "".join(parts) + text[at:] if parts else text

    def _treated(self, match: re.Match[str], text: str) -> str:
        groups = match.groupdict()
        if self.never and _may_be(groups, self.never):
            return ""
        if self.keeps:
            return text[match.start() : match.end()]
        if self.days is None or "sep" not in groups or "month" not in groups:
            return ""
        moved = shifted(int(groups["year"]), int(groups["month"]), int(groups["day"]), self.days)
        if moved is None:
            return ""
        return groups["sep"].join((moved[:4], moved[4:6], moved[6:]))


def _plain_digit(character: str) -> str:
    """Return a digit of any script as one of ASCII."""
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def _may_be(groups: dict[str, str | None], date: str) -> bool:
    """Whether a date in text may be a certain one: same year and day, any spelling of the month."""
    found = groups.get("reversed")
    if found is not None:
        return found[::-1] == date
    year = groups.get("year") or groups.get("short") or ""
    days = {int(groups[name] or 0) for name in ("day", "a", "b") if groups.get(name)}
    return date[:4].endswith(year) and int(date[6:8]) in days
