"""How an identifying value may be spelt elsewhere: in text, and in bytes of any encoding.

What is too short or too common to be searched for everywhere is left out here; the structure check
of `emixcli.deid.verify` still compares it at its own place. The limits:

- parts of names: three letters in text and four elsewhere, or two of a script other than Latin;
  parts that are words of the vocabulary of radiology ("Head", "Long") only beside another part;
- numbers and codes: five characters with a digit; six where all are digits; without any digit
  (addresses, institutions) eight letters;
- names of makers of devices, where they stand for an institution, are left out;
- dates: eight digits in one of the usual orders, or written out; two-digit years only with
  separators and only of the birth date;
- UIDs: whole components.
"""

from __future__ import annotations

import base64
import datetime
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from typing import NamedTuple

from emixcli.deid.letters import common
from emixcli.deid.letters import spellings as transcribed
from emixcli.deid.makers import MAKERS


class Kind(StrEnum):
    """What a value says of whom."""

    NAME = "name"
    ID = "id"
    DATE = "date"
    UID = "uid"


class Spelling(NamedTuple):
    """One way to write a value.

    Parameters
    ----------
    text
        Normalised as `plain` does.
    how
        Stable word for reports: `as-is`, `reversed`, `base64`, …
    whole
        No letter or digit may stand before or behind it.
    squeezed
        To be searched in text without blanks and punctuation.
    spaced
        To be searched in text whose words have one blank between them.
    """

    text: str
    how: str
    whole: bool = True
    squeezed: bool = False
    spaced: bool = False


_NOT_WORD = re.compile(r"[\W_]+")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii")
#: Codecs of the character sets of PS3.3 section C.12.1.1.2 that are not ASCII in their upper half.
_CODECS = (
    "utf_8", "latin_1", "iso8859_2", "iso8859_3", "iso8859_4", "iso8859_5", "iso8859_6",
    "iso8859_7", "iso8859_8", "iso8859_9", "iso8859_15", "tis_620", "shift_jis", "euc_kr",
    "gb18030", "utf_16_le", "utf_16_be",
)  # fmt: skip
#: Values that identify nobody.
_NOBODY = frozenset({
    "anonymous", "anonymized", "anonymised", "anon", "deidentified", "removed", "unknown", "none",
    "null", "nobody", "patient", "test", "phantom", "demo", "dummy", "default", "unspecified",
    "unnamed", "noname", "name", "hospital", "clinic",
})  # fmt: skip


#: Short words in names that are no names.
_PARTICLES = frozenset({
    "van", "von", "der", "den", "del", "dos", "des", "los", "las", "iii", "phd", "mrs", "dra",
})  # fmt: skip


def plain(text: str) -> str:
    """Return text without case and accents."""
    if text.isascii():
        return text.lower()
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(common(letter) for letter in parts if not unicodedata.combining(letter))


def space(text: str) -> str:
    """Return plain text as words with a blank before and behind each."""
    return f" {_NOT_WORD.sub(' ', text).strip()} "


def squeeze(text: str) -> str:
    """Return plain text without blanks and punctuation."""
    return _NOT_WORD.sub("", text)


def spell_name(value: str, common_words: frozenset[str]) -> Iterator[Spelling]:
    """Yield the spellings of a person's name and of its parts.

    Parameters
    ----------
    value
        As DICOM writes it: component groups divided by `=`, components by `^`.
    common_words
        Words that are searched for only beside another part.
    """
    for group in value.split("="):
        components = [plain(part).strip() for part in group.split("^")[:3]]
        full = [part for part in components if part]
        words = [word for part in full for word in _NOT_WORD.split(part) if word]
        yield from _whole_name(full)
        for part in full:
            tight = squeeze(part)
            if tight not in words and len(tight) >= 7:  # several words, written as one
                yield Spelling(tight, "name part", whole=False, squeezed=True)
        # Nobody could tell the maker of a device from a person.
        for word in dict.fromkeys(words):
            if word not in common_words and word not in _NOBODY | MAKERS:
                yield from _name_part(word)
        for word in dict.fromkeys(_NOT_WORD.split(group)):
            if not word.isascii() and _tells(plain(word)):  # its accents are in base64 too
                yield from _disguised(word)
            for other in sorted(transcribed(word)):
                text = plain(other)
                if len(text) >= 4 and text not in words and text not in common_words:
                    yield Spelling(text, "name part")


def _whole_name(parts: list[str]) -> Iterator[Spelling]:
    """Family and given name beside each other, in either order."""
    if len(parts) < 2 or set(parts[:2]) <= _NOBODY:
        return
    family, given = parts[0], parts[1]
    if len(family) + len(given) < 4 and family.isascii() and given.isascii():
        return
    for between in ("^", " ", ", ", ",", "_", "-"):
        yield Spelling(f"{family}{between}{given}", "whole name")
        yield Spelling(f"{given}{between}{family}", "whole name")
    if len(family) + len(given) >= 8:
        for text in (family + given, given + family):
            yield Spelling(squeeze(text), "whole name", whole=False, squeezed=True)


def _tells(word: str) -> bool:
    if word.isdigit():
        return len(word) >= 6
    return len(word) >= 4 if word.isascii() else len(word) >= 2


def _name_part(word: str) -> Iterator[Spelling]:
    if _tells(word):
        yield Spelling(word, "name part")
        yield from _disguised(word)
    elif _is_short(word):
        yield Spelling(space(word), "short name part", spaced=True)


def _is_short(word: str) -> bool:
    return len(word) == 3 and word.isascii() and word.isalpha() and word not in _PARTICLES


def _disguised(word: str) -> Iterator[Spelling]:
    """Reversed, base64 and hexadecimal."""
    if len(word) >= 6:
        yield Spelling(word[::-1], "reversed")
    if len(word) >= 7 and word.isalpha():
        yield Spelling(word, "as-is", whole=False, squeezed=True)
    for cased in {word, word.upper(), word.capitalize()}:
        data = cased.encode()
        if len(data) >= 6:
            yield Spelling(data.hex(), "hexadecimal", whole=False)
        for shift in range(3):
            code = base64.b64encode(bytes(shift) + data).rstrip(b"=").decode()
            code = code[(0, 2, 3)[shift] : len(code) - 1]
            if len(code) >= 7:
                yield Spelling(code.lower(), "base64", whole=False)


def spell_id(value: str) -> Iterator[Spelling]:
    """Yield the spellings of a number, code, address or organisation."""
    text = plain(value).strip()
    tight = squeeze(text)
    has_digit = any(letter.isdigit() for letter in tight)
    if tight in _NOBODY or tight in MAKERS or len(set(tight)) < 3:
        return
    least = (6 if tight.isdigit() else 5) if has_digit else 8
    if not tight.isascii():
        least = 3
    if len(tight) < least:
        return
    yield Spelling(text, "as-is")
    if tight != text:
        yield Spelling(tight, "without separators")
    if len(tight) >= 7:
        if has_digit or len(tight) >= 10:
            yield Spelling(tight, "without separators", whole=tight.isdigit(), squeezed=True)
        yield from _disguised(text)
    short = tight.lstrip("0")
    if short != tight and len(short) >= 6:
        yield Spelling(short, "without zeros")
        yield Spelling(short, "without zeros", squeezed=True)


def parse_date(value: str) -> datetime.date | None:
    """Return the day of a DA or DT value, or of one in the usual writings of dates."""
    match = re.match(r"\s*(\d{4})[-./ ]?(\d\d)[-./ ]?(\d\d)", value)
    with suppress(ValueError):
        if match is not None:
            day = datetime.date(*map(int, match.groups()))
            return day if 1850 < day.year < 2100 else None
    return None


def spell_date(day: datetime.date, *, birth: bool = False) -> Iterator[Spelling]:
    """Yield the spellings of a day."""
    y, m, d = f"{day:%Y}", f"{day:%m}", f"{day:%d}"
    for parts in ((y, m, d), (d, m, y), (m, d, y), (y, d, m)):
        for between in ("", "-", "/", ".", " ", "_"):
            how = "as-is" if parts[0] == y and not between else "date written otherwise"
            yield Spelling(between.join(parts), how)
    yield Spelling((y + m + d)[::-1], "reversed")
    for between in ("-", "/", "."):
        yield Spelling(between.join((str(day.day), str(day.month), y)), "date written otherwise")
        yield Spelling(between.join((str(day.month), str(day.day), y)), "date written otherwise")
        if birth:
            for parts in ((d, m, y[2:]), (m, d, y[2:]), (y[2:], m, d)):
                yield Spelling(between.join(parts), "date with short year")
            if len(short := between.join((str(day.day), str(day.month), y[2:]))) > 6:
                yield Spelling(short, "date with short year")
    for month in (m, str(day.month)):
        yield Spelling(f"{day.day}. {month}. {y}", "date written otherwise")
    if birth:
        yield from _counted(day)
    yield from _written_out(day)


def _counted(day: datetime.date) -> Iterator[Spelling]:
    """Yield a day as the number of a Julian day, and in seconds since 1970."""
    number = day.toordinal() + 1_721_425
    for julian in (number, number - 1):
        yield Spelling(str(julian), "counted days")
    seconds = str(abs((day - datetime.date(1970, 1, 1)).days) * 86_400)
    if len(seconds) > 7:
        yield Spelling(seconds, "counted seconds")


def _written_out(day: datetime.date) -> Iterator[Spelling]:
    """Yield the spellings of a day with a name for its month, or as a day of the year."""
    y, d = f"{day:%Y}", f"{day:%d}"
    for between in ("-", "/", ""):
        yield Spelling(f"{y}{between}{day:%j}", "day of the year")
    for between in ("-", "/", "."):
        for number in {str(day.day), d}:
            roman = between.join((number, _ROMAN[day.month - 1], y))
            yield Spelling(roman, "date written otherwise")
    nth = f"{day.day}{_ordinal(day.day)}"
    for month in (_MONTHS[day.month - 1], _MONTHS[day.month - 1][:3]):
        for number in {str(day.day), d}:
            for text in (
                f"{number} {month} {y}", f"{number}. {month} {y}", f"{month} {number}, {y}",
                f"{month} {number} {y}", f"{number}-{month}-{y}", f"{number}{month}{y}",
                f"{y} {month} {number}", f"{y}-{month}-{number}", f"{number} of {month} {y}",
                f"{nth} of {month} {y}", f"{nth} {month} {y}",
            ):  # fmt: skip
                yield Spelling(text, "date written out")


def _ordinal(number: int) -> str:
    if number in {11, 12, 13}:
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def encodings(text: str) -> Iterator[bytes]:
    """Yield the bytes of a value in every character set, for text that is not ASCII."""
    if text.isascii():
        return
    for cased in {text, text.lower(), text.upper()}:
        for codec in _CODECS:
            with suppress(UnicodeError):
                yield cased.encode(codec)
        with suppress(UnicodeError):
            two = cased.encode("euc_jp")
            if all(byte > 0x80 for byte in two):
                yield b"\x1b$B" + bytes(byte & 0x7F for byte in two)
        with suppress(UnicodeError):
            yield b"\x1b$)C" + cased.encode("euc_kr")
