"""The values by which a patient and those around them are known, found anywhere in text.

The standard asks to clean text of identifying information (PS3.15 sections E.1.1 and E.3.5). What
stands in the attributes of names, identifiers and addresses of an object is looked for in all its
other text, in every spelling: any letter case, with and without accents and separators.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

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
_GERMAN: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"}


@dataclass(frozen=True, slots=True)
class Known:
    """A value that identifies.

    Attributes
    ----------
    kind
        `name` (each part counts), `key` (also if short), `text` (as a whole) or `date` (DA).
    """

    kind: str
    value: str


def known_of(tag: int, vr: str, text: str) -> Iterator[Known]:
    """Yield what the text of an attribute tells about who the patient is."""
    for value in text.split("\\"):
        value = value.strip(" \0")  # noqa: PLW2901
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
                yield part, index


class Identity:
    """Finds known values in text.

    Parameters
    ----------
    known
        What to look for.
    """

    def __init__(self, known: Iterable[Known]) -> None:
        tokens: set[str] = set()
        compacts: set[str] = set()
        for item in known:
            if item.kind == "name":
                tokens.update(_name_tokens(item.value))
                tokens.update(_joined_names(item.value))
            compact = _compact(item.value)
            if item.kind == "date":
                compacts.update(_spellings(compact))
            elif item.kind == "key" and _SHORTEST_KEY <= len(compact) < _SHORTEST_COMPACT:
                tokens.add(compact)
            elif len(compact) >= _SHORTEST_COMPACT:
                compacts.add(compact)
                if item.kind == "key" and len(compact.lstrip("0")) >= _SHORTEST_COMPACT:
                    compacts.add(compact.lstrip("0"))
        self.tokens = frozenset(tokens)
        # A part of a name inside a longer word counts if it is long enough to be no accident.
        compacts.update(token for token in tokens if len(token) >= _SHORTEST_COMPACT)
        self.compacts = tuple(sorted(compacts, key=len, reverse=True))
        self.signature = (self.tokens, self.compacts)

    def is_known(self, text: str) -> bool:
        """Whether a known value stands in text."""
        words = _TOKEN.findall(fold(text))
        if not self.tokens.isdisjoint(words):
            return True
        compact = "".join(words)
        # A loop: a generator takes longer than all the searches.
        for value in self.compacts:  # noqa: SIM110
            if value in compact:
                return True
        return False

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
        letters = [index for index, character in enumerate(folded) if character.isalnum()]
        compact = "".join([folded[index] for index in letters])
        for value in self.compacts:
            at = compact.find(value)
            while at >= 0:
                last = letters[at + len(value) - 1]
                found.append((places[letters[at]], places[last] + 1))
                at = compact.find(value, at + 1)
        found.sort()
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

    def is_in(self, raw: bytes) -> bool:
        """Whether bytes hold a known value as ASCII, or as UTF-16 of either order."""
        lowered = raw.lower()
        plain = lowered.replace(b"\0", b"")
        codes = [value.encode("utf-8", "replace") for value in self.compacts]
        return any(code in lowered or code in plain for code in codes)


def _name_tokens(name: str) -> Iterator[str]:
    """Yield the parts of all component groups of a name (PS3.5 section 6.2.1)."""
    for part in re.split(r"[\^=\s,]+", name):
        spelt = "".join(_GERMAN.get(character, character) for character in part.lower())
        for text in {part, spelt}:
            for match in _TOKEN.finditer(fold(text)):
                token = match.group()
                shortest = _SHORTEST_TOKEN if token.isascii() else _SHORTEST_FOREIGN
                if min(len(token), len(part)) >= shortest:
                    yield token


def _joined_names(name: str) -> Iterator[str]:
    """Yield family and given name written together, and initials with the family name."""
    for group in name.split("="):
        parts = [_compact(part) for part in group.split("^")[:2]]
        if len(parts) == 2 and all(parts):
            family, given = parts
            for joined in (family + given, given + family, given[0] + family, family + given[0]):
                if len(joined) > _SHORTEST_TOKEN:
                    yield joined


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
