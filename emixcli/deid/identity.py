"""The values by which a patient and those around them are known, found anywhere in text.

The standard asks to clean text of identifying information (PS3.15 sections E.1.1 and E.3.5). What
stands in the attributes of names, identifiers and addresses of an object is looked for in all its
other text, in every spelling: any letter case, with and without accents and separators.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from emixcli.deid import letters
from emixcli.deid.makers import MAKERS
from emixcli.deid.tables import vocabulary

#: Attributes whose whole value names a person, an institution, a device or a procedure.
TAGS: Final = frozenset({
    0x00080050, 0x00080080, 0x00080081, 0x00080092, 0x00080094, 0x00081010, 0x00081040, 0x00100020,
    0x00101000, 0x00101002, 0x00101005, 0x00101040, 0x00101060, 0x00101080, 0x00101090, 0x00102154,
    0x00102155, 0x00102299, 0x00120010, 0x00120040, 0x00181000, 0x00200010, 0x00380010, 0x00380060,
    0x00400009, 0x00400253, 0x00401001, 0x00401102, 0x00401103, 0x00402006, 0x00402007, 0x00402008,
    0x00402016, 0x00402017,
})  # fmt: skip
#: Identifiers so important that also short ones are looked for.
_KEYS: Final = frozenset({0x00080050, 0x00100020, 0x00101000})
BIRTH_DATE: Final = 0x00100030

_TOKEN: Final = re.compile(r"[^\W_]+")
_SHORTEST_TOKEN: Final = 3
_SHORTEST_FOREIGN: Final = 2
_SHORTEST_KEY: Final = 3
_SHORTEST_COMPACT: Final = 5
_SHORTEST_NUMBER: Final = 6
_SHORTEST_WORD: Final = 5
_TWO: Final = 2
#: Of so many values each is looked for.
_FEW: Final = 64
#: Kana, Han and Hangul come behind it.
_HAN: Final = "\u1100"
_DIGITS: Final = re.compile(r"\d{6,}")
_EPOCH: Final = dt.date(1970, 1, 1)
#: The number of the Julian day that begins on a day's noon, less its ordinal.
_JULIAN: Final = 1_721_425
#: Japanese eras by their letters, and the years before their first.
_ERAS: Final = (("r", 2018), ("h", 1988), ("s", 1925), ("t", 1911))
_LONGEST_ERA: Final = 64


class Known(NamedTuple):
    """A value that identifies.

    Attributes
    ----------
    kind
        `name` (each part counts), `key` (also if short), `text` (as a whole), `date` (DA), or
        `found` (a spelling of one, by the second look).
    """

    kind: str
    value: str


def known_of(tag: int, vr: str, text: str) -> Iterator[Known]:
    """Yield what the text of an attribute tells about who the patient is."""
    for part in text.split("\\"):
        value = part.strip(" \0")
        if not value:
            continue
        if vr == "PN":
            yield Known("name", value)
        elif tag == BIRTH_DATE:
            yield Known("date", value)
        elif tag in TAGS:
            yield Known("key" if tag in _KEYS else "text", value)


@lru_cache(maxsize=4096)
def fold(text: str) -> str:
    """Return text as it is compared: in lower case, without accents, wide letters made narrow."""
    if text.isascii():
        return text.lower()
    return "".join(character for character, _ in _folded(text))


def _folded(text: str) -> Iterator[tuple[str, int]]:
    """Yield the characters of folded text, each with the index of what it is made from."""
    for index, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.combining(part):
                for letter in letters.common(part):
                    yield letter, index


class Identity:
    """Finds known values in text.

    Parameters
    ----------
    known
        What to look for.

    Attributes
    ----------
    dates
        Birth dates as DA.
    """

    def __init__(self, known: Iterable[Known]) -> None:
        self._tokens: set[str] = set()
        self._compacts: set[str] = set()
        self._phrases: set[str] = set()
        self._short_dates: set[str] = set()
        self.dates: set[str] = set()
        for item in known:
            if item.kind == "name":
                self._add_name(item.value)
            elif item.kind == "date":
                dates = set(_spellings(_compact(item.value)))
                self._compacts |= dates
                self.dates |= {_compact(item.value)} & dates
                self._short_dates.update(date for date in dates if len(date) == _SHORTEST_NUMBER)
            elif item.kind == "found":
                self._add_found(item.value)
            else:
                self._add_value(item.value, is_key=item.kind == "key")
        self.tokens = frozenset(self._tokens)
        # A part of a name inside a longer word counts if it is long enough to be no accident.
        self._compacts.update(token for token in self._tokens if _is_telling(token))
        self.compacts = tuple(sorted(self._compacts, key=len, reverse=True))
        self.phrases = tuple(sorted(self._phrases))
        self._compacts_by_begin = self._by_begin()
        self._phrases_by_word: dict[str, list[str]] = {}
        for phrase in self.phrases:
            for word in phrase.split()[:1]:
                self._phrases_by_word.setdefault(word, []).append(phrase)

    def _by_begin(self) -> dict[str, list[str]]:
        """Return many long values by their first characters; nothing where they are few."""
        found: dict[str, list[str]] = {}
        if len(self.compacts) > _FEW:
            n = len(self.compacts[-1])
            for value in self.compacts:
                found.setdefault(value[:n], []).append(value)
        return found

    def _compacts_in(self, compact: str) -> Iterable[str]:
        """Return long values that may stand in text: there are many where a report names many."""
        if not self._compacts_by_begin:
            return self.compacts
        n = len(self.compacts[-1])
        begins = {compact[at : at + n] for at in range(len(compact) - n + 1)}
        by_begin = self._compacts_by_begin
        return [value for begin in begins for value in by_begin.get(begin, ())]

    def _phrases_in(self, words: Iterable[str]) -> list[str]:
        """Return phrases whose first word is one of these."""
        by_word = self._phrases_by_word
        return [phrase for word in set(words) for phrase in by_word.get(word, ())]

    def _add_name(self, name: str) -> None:
        self._tokens.update(_name_tokens(name))
        self._tokens.update(_joined_names(name))
        self._phrases.update(_name_phrases(name))
        for text in (name, *re.split(r"[\^=]", name)):
            compact = _compact(text)
            if len(compact) >= _SHORTEST_COMPACT:
                self._compacts.add(compact)

    def _add_value(self, value: str, *, is_key: bool) -> None:
        compact = _compact(value)
        if len(compact) >= _SHORTEST_COMPACT:
            self._compacts.add(compact)
        elif is_key and len(compact) >= _SHORTEST_KEY:
            self._tokens.add(compact)
        if is_key:
            runs = [compact.lstrip("0"), *_DIGITS.findall(compact), compact[::-1]]
            self._compacts.update(run for run in runs if len(run) >= _SHORTEST_NUMBER)
            return
        self._tokens.update(
            word
            for word in _TOKEN.findall(fold(value))
            if len(word) >= _SHORTEST_WORD
            and word.isalpha()
            and word not in vocabulary()
            and word not in MAKERS
        )

    def _add_found(self, spelling: str) -> None:
        words = _TOKEN.findall(fold(spelling))
        compact = "".join(words)
        if len(compact) >= _SHORTEST_COMPACT or _is_telling(compact):
            self._compacts.add(compact)
        elif len(words) == 1:
            self._tokens.add(compact)
        else:
            self._phrases.add(f" {' '.join(words)} ")

    def is_known(self, text: str) -> bool:
        """Whether a known value stands in text."""
        words = _TOKEN.findall(fold(text))
        if not self.tokens.isdisjoint(words):
            return True
        compact = "".join(words)
        # A loop: a generator takes longer than all the searches.
        for value in self._compacts_in(compact):
            if value in compact:
                return True
        if not self.phrases:
            return False
        spaced = f" {' '.join(words)} "
        return any(phrase in spaced for phrase in self._phrases_in(words))

    def is_coded(self, code: str) -> bool:
        """Whether the code of a public scheme is a known value.

        Numbers of less than six digits, and dates of six, are there by accident.
        """
        folded = fold(code)
        return any(
            not text.isdigit() or (len(text) >= _SHORTEST_NUMBER and text not in self._short_dates)
            for text in (_compact(folded[start:stop]) for start, stop in self.spans(folded))
        )

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where known values stand in text, sorted; spans may overlap."""
        if not self.is_known(text):
            return []
        places: Sequence[int] = range(len(text))
        folded = text.lower()
        if not text.isascii():
            pairs = list(_folded(text))
            folded = "".join(character for character, _ in pairs)
            places = [index for _, index in pairs]
        found = [
            (places[match.start()], places[match.end() - 1] + 1)
            for match in _TOKEN.finditer(folded)
            if match.group() in self.tokens
        ]
        found += self._phrase_spans(folded, places)
        places_of = [index for index, character in enumerate(folded) if character.isalnum()]
        compact = "".join([folded[index] for index in places_of])
        for value in self._compacts_in(compact):
            at = compact.find(value)
            while at >= 0:
                last = places_of[at + len(value) - 1]
                found.append((places[places_of[at]], places[last] + 1))
                at = compact.find(value, at + 1)
        found.sort()
        return found

    def _phrase_spans(self, folded: str, places: Sequence[int]) -> list[tuple[int, int]]:
        """Return where names of short parts stand as a whole."""
        matches = list(_TOKEN.finditer(folded))
        words = [match.group() for match in matches]
        found = []
        for phrase in self._phrases_in(words):
            parts = phrase.split()
            for at in range(len(words) - len(parts) + 1):
                if words[at : at + len(parts)] == parts:
                    last = matches[at + len(parts) - 1].end() - 1
                    found.append((places[matches[at].start()], places[last] + 1))
        return found

    def scrub(self, text: str) -> str:
        """Return text without known values."""
        spans = self.spans(text)
        if not spans:
            return text
        parts, at = [], 0
        for start, stop in spans:
            if start > at:
                parts.append(text[at:start])
            at = max(at, stop)
            while at < len(text) and not fold(text[at]):
                at += 1  # an accent of what is gone
        parts.append(text[at:])
        return "".join(parts)

    def is_in(self, raw: bytes, *, shortest: int = 1) -> bool:
        """Whether bytes hold a known value as ASCII, or as UTF-16 of either order.

        Parameters
        ----------
        shortest
            Shorter values are not looked for.
        """
        lowered = raw.lower()
        plain = lowered.replace(b"\0", b"")
        codes = [value.encode("utf-8", "replace") for value in self.compacts]
        return any(code in lowered or code in plain for code in codes if len(code) >= shortest)


def _name_tokens(name: str) -> Iterator[str]:
    """Yield the parts of all component groups of a name (PS3.5 section 6.2.1)."""
    for part in re.split(r"[\^=\s,]+", name):
        for match in _TOKEN.finditer(fold(part)):
            token = match.group()
            shortest = _SHORTEST_TOKEN if token.isascii() else _SHORTEST_FOREIGN
            if min(len(token), len(part)) >= shortest:
                yield token
        for text in letters.spellings(part):
            for match in _TOKEN.finditer(fold(text)):
                token = match.group()
                if len(token) > _SHORTEST_TOKEN:
                    yield token


def _joined_names(name: str) -> Iterator[str]:
    """Yield family and given name written together, and initials with the family name."""
    for group in name.split("="):
        parts = [_compact(part) for part in group.split("^")[:2]]
        if len(parts) == _TWO and all(parts):
            family, given = parts
            for joined in (family + given, given + family):
                if len(joined) > (_SHORTEST_TOKEN if joined.isascii() else 1):
                    yield joined
            for joined in (given[0] + family, family + given[0]):
                if joined.isascii() and len(joined) > _SHORTEST_TOKEN:
                    yield joined


def _name_phrases(name: str) -> Iterator[str]:
    """Yield family and given name as words beside each other, where they are short."""
    for group in name.split("="):
        parts = [" ".join(_TOKEN.findall(fold(part))) for part in group.split("^")[:2]]
        if len(parts) == _TWO and all(parts) and min(map(len, parts)) < _SHORTEST_TOKEN:
            family, given = parts
            yield f" {family} {given} "
            yield f" {given} {family} "


def _is_telling(token: str) -> bool:
    """Whether a name is looked for inside longer words too: scripts without blanks need it."""
    if token.isascii():
        return len(token) >= _SHORTEST_COMPACT
    return (len(token) >= _SHORTEST_FOREIGN and any(character >= _HAN for character in token)) or (
        len(token) >= _SHORTEST_COMPACT
    )


def _compact(text: str) -> str:
    return "".join(character for character in fold(text) if character.isalnum())


def _spellings(date: str) -> Iterator[str]:
    """Yield a DA value in the usual orders, without separators."""
    if len(date) == 8 and date.isdigit():
        year, month, day = date[:4], date[4:6], date[6:]
        yield date
        yield day + month + year
        yield month + day + year
        yield year[2:] + month + day
        yield day + month + year[2:]
        yield month + day + year[2:]
        yield from _counted(int(year), int(month), int(day))


def _counted(year: int, month: int, day: int) -> Iterator[str]:
    """Yield a day as machines count it: of the year, since 4713 BC, in seconds since 1970."""
    try:
        date = dt.date(year, month, day)
    except ValueError:
        return
    yield f"{date:%Y%j}"
    for era, first in _ERAS:  # two of them where one ends within the year
        if 0 < year - first <= _LONGEST_ERA:
            yield from (f"{era}{year - first}{rest}" for rest in (f"{date:%m%d}", f"{month}{day}"))
    yield from (str(date.toordinal() + _JULIAN - before) for before in (0, 1))
    seconds = str(abs((date - _EPOCH).days) * 86_400)
    if len(seconds) > _SHORTEST_NUMBER:
        yield seconds
