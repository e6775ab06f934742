"""Dates inside text, in any usual spelling: moved, left out, or kept but for the birth date."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.deid.dates import shifted

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The shortest date in text has three digits: 1 Jan 50.
_DIGITS: Final = re.compile(r"\d\D*\d\D*\d")
_REVERSED: Final = r"(?:\d[0-2]|[01]3)(?:\d0|[0-2]1)\d\d(?:91|02)"

#: Characters of `05.11.25`.
_PADDED: Final = 8

_YEAR: Final = r"(?P<year>(?:19|20)\d\d)"
_DAY: Final = r"(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)(?:st|nd|rd|th|\.)?"
_A: Final = r"(?P<a>0?[1-9]|[12]\d|3[01])"
_B: Final = r"(?P<b>0?[1-9]|[12]\d|3[01])"
#: Months as they begin in the languages of Western Europe.
_MONTH: Final = (
    r"(?:(?:jan|ene|gen|feb|f[eé]v|m[aä]r|mrt|maart|apr|abr|avr|ma[yigj]|mei|juni?|giu|jul|lug|"
    r"jui|aug|ago|ao[uû]|sep|set|oct|okt|ott|out|nov|de[czs]|d[ií]c|d[eé]c)[a-zàáäãéèíóúûüç]*)\.?"
)
#: Accents and vowels that are characters of their own.
_MARK: Final = r"\u0300-\u036f\u0591-\u05c7\u0610-\u065f\u0900-\u0dff\u0e31-\u0e4e"
#: Months in other scripts, and in Roman numbers: only beside a whole year.
_FOREIGN: Final = rf"(?:[^\W\d_a-z]|[{_MARK}]){{3,14}}+"
_OTHER_MONTH: Final = rf"(?:{_FOREIGN}|[ivx]{{1,4}})\.?"
#: Months as they begin in other languages with Latin letters: only beside a whole year.
_FAR_MONTH: Final = (
    r"(?<![^\W\d_])(?:tammi|helmi|maalis|huhti|touko|kesäk|heinä|elokuu|syysk|lokak|marras|joulu|"
    r"stycz|luteg|marca|kwiet|czerw|lipc|lipiec|sierp|wrze|pa[źz]dz|listopad|grud[nz]|"
    r"ledn|leden|[úu]nor|b[řr]ez|dub[ne]|kv[ěe]t|[čc]erv|srp[ne]|z[áa][řr][íi]|[řr][íi]j|prosin|"
    r"sije[čc]|velja[čc]|o[žz]uj|trav[na]|svib[na]|lip[na]n|kolovoz|rujn|rujan|studen|"
    r"ocak|[şs]ubat|nisan|haziran|temmuz|a[ğg]ustos|eyl[üu]l|ek[iİ]m|kas[ıi]m|aral[ıi]k|"
    r"m[áa]rc|[áa]pril|m[áa]j|j[úūu]n[ií]|j[úūu]l[ií]|szept|október|ianu|iuni|iuli|noie|"
    r"jaanu|veebr|juun|juul|detse|saus|vasar|kovo|baland|gegu|bir[žz]el|liepo|rugp|rugs|spal|"
    r"lapkr|gruod|maij|[áa]g[úu]st|shkurt|prill|qershor|korrik|gusht|shtator|tetor|n[ëe]ntor|"
    r"dhjetor)[^\W\d_]*\.?"
)
#: English months as words of their own: beside a year, or a day and a short year.
_ENGLISH: Final = (
    r"(?<![a-z])(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)(?![a-z])\.?"
)
_ROMAN: Final = r"(?:x?i{1,3}|i?[vx]|vi{1,3}|xi{0,2})"
_LINK: Final = r"(?:[-./, ]++|\bof\b|\bde\b|\bdel\b|\bd['’]){0,20}"
_ISO: Final = rf"(?<!\d){_YEAR}(?P<sep>[-./ :_]?)(?P<month>0[1-9]|1[0-2])(?P=sep)"
_SHORT_ISO: Final = rf"(?<!\d){_YEAR}(?P<sep>[-./_])(?P<month>0?[1-9]|1[0-2])(?P=sep)"
_PATTERNS: Final = (
    rf"{_ISO}(?P<day>0[1-9]|[12]\d|3[01])(?!\d{{1,2}}(?!\d))",
    rf"{_SHORT_ISO}(?P<day>0?[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<![\d.]){_A}(?P<sep>[-./ _]){_B}(?P=sep){_YEAR}(?!\d)",
    rf"(?<![\d.]){_A}(?P<sep>[-/_]){_B}(?P=sep)(?P<short>\d\d)(?!\d)",
    rf"(?<!\d)(?=\d{{8}}){_A}(?P<sep>){_B}{_YEAR}(?!\d)",
    rf"(?<!\d){_DAY}{_LINK}{_MONTH}{_LINK}(?P<year>(?:19|20)?\d\d)(?!\d)",
    rf"(?<!\d){_DAY}{_LINK}(?:{_OTHER_MONTH}|{_FAR_MONTH}){_LINK}{_YEAR}(?!\d)",
    rf"(?:{_FOREIGN}\.?|{_FAR_MONTH}){_LINK}{_DAY}{_LINK}{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}{_LINK}(?:{_FOREIGN}\.?|{_FAR_MONTH}){_LINK}{_DAY}",
    rf"(?<!\d){_DAY}(?P<link>[-/]) ?[^\W\d_]{{3,12}}\.?(?P=link) ?{_YEAR}(?!\d)",
    rf"(?<![a-z]){_MONTH}{_LINK}{_DAY}{_LINK}{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}{_LINK}{_MONTH}{_LINK}{_DAY}",
    rf"(?<!\d){_YEAR} ?年 ?(?P<month>\d\d?) ?月(?: ?(?P<day>\d\d?) ?日)?",
    r"(?:明治|大正|昭和|平成|令和) ?(?:\d\d?|元) ?年(?: ?\d\d? ?月)?(?: ?\d\d? ?日)?",
    rf"(?<![\d.]){_A} ?(?P<link>[-./]) ?{_B} ?(?P=link) ?{_YEAR}(?!\d)",
    rf"(?<![\d.])(?P<dotted>{_A}\.{_B}\.(?P<short>\d\d))(?![\d.]*\d)",
    rf"(?<!\d){_DAY}(?P<link>[-./]){_ROMAN}(?P=link)(?P<short>\d\d)(?!\d)",
    rf"(?<!\d)(?P<day>[12]\d|3[01]|0?[1-9])\. ?[a-z]{{3,12}}\.? {_YEAR}(?!\d)",
    rf"(?<![\d.]){_A}(?P<link>[-./ ]) ?{_B}(?P=link) ?['’](?P<short>\d\d)(?!\d)",
    rf"(?<![\d,]){_A}, ?{_B}, ?{_YEAR}(?!\d)",
    rf"{_ENGLISH}[- ]{_DAY},?[- ](?P<short>\d\d)(?!\d)",
    rf"{_ENGLISH}[-./, ]{{0,2}}{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}[-/.](?P<nth>[0-2]\d\d|3[0-5]\d|36[0-6])(?!\.?\d)",
    rf"(?<!\d){_YEAR}-?W(?:[0-4]\d|5[0-3])(?:-?[1-7])?(?!\d)",
    rf"(?<![\d/.-])(?P<month>0?[1-9]|1[0-2])[-/]{_YEAR}(?![-/]?\d)",
    rf"(?<![\d/.-]){_YEAR}[-/](?P<month>0[1-9]|1[0-2])(?![-/]?\d)",
    rf"(?<!\d)(?P<reversed>{_REVERSED})(?!\d)",
)
_LETTER: Final = re.compile(r"[^\W\d_]")
#: Each with what it needs beside digits: a whole year, letters.
_TEXTS: Final = tuple(
    (
        _YEAR in pattern,
        "a-z" in pattern or r"\W" in pattern or _ROMAN in pattern or "年" in pattern,
        pattern,
    )
    for pattern in _PATTERNS
)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def iter_dates(text: str) -> Iterator[re.Match[str]]:
    """Yield what looks like a date; matches may overlap."""
    has_year = "19" in text or "20" in text
    has_letters = _LETTER.search(text) is not None
    for needs_year, needs_letters, pattern in _TEXTS:
        if (has_year or not needs_year) and (has_letters or not needs_letters):
            yield from _compiled(pattern).finditer(text)


class TextDates(NamedTuple):
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

    def replace(self, text: str, *, is_free: bool = False) -> str:
        """Return text with its dates treated.

        Parameters
        ----------
        is_free
            Whether three short numbers with dots are a date however they are written; else they
            may be a version, unless day and month have two digits.

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
            parts += [text[at : match.start()], self._treated(match, text, is_free=is_free)]
            at = match.end()
        return "".join(parts) + text[at:] if parts else text

    def _treated(self, match: re.Match[str], text: str, *, is_free: bool) -> str:
        groups = match.groupdict()
        if self.never and _may_be(groups, self.never):
            return ""
        dotted = groups.get("dotted")
        is_version = dotted is not None and not is_free and len(dotted) < _PADDED
        if self.keeps or is_version:
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
    """Whether a date in text may be a certain one: same year and day, any spelling of the month.

    Without a day, the month decides where it is a number.
    """
    found = groups.get("reversed")
    if found is not None:
        return found[::-1] == date
    year = groups.get("year") or groups.get("short") or ""
    if not year or not date[:4].endswith(year):
        return False
    days = {int(groups[name] or 0) for name in ("day", "a", "b") if groups.get(name)}
    if days:
        return int(date[6:8]) in days
    nth, month = groups.get("nth"), groups.get("month")
    if nth:
        return dt.date(int(date[:4]), int(date[4:6]), int(date[6:8])).timetuple().tm_yday == int(
            nth
        )
    return month is None or int(month) == int(date[4:6])
