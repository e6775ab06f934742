"""Values that occur nowhere else, each with the place where it was sown.

Made apart from `tests.planted`: other people, other places, other spellings to look for.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

T = TypeVar("T")

_FIRST = "bdfgklmnprstvz"
_VOWELS = "aeiou"
_LAST = "kxzq"
#: Letters of scripts, and how many make a word.
SCRIPTS = {
    "latin": ("", 0),
    "cyrillic": ("бвгджзклмнпрстфхц", 7),
    "greek": ("βγδζθκλμνξπρστφχψ", 7),
    "han": ("瑶琪淼钰晗睿煜婷嫣骞昱翊烨", 4),
    "hangul": ("갑녕둥롱뮤빈숑잉졍촨쿰텅퓨황", 4),
    "kana": ("ヌヘロミムヤヲルレモ", 7),
    "arabic": ("بتثجحخدذرزسشصضطظعغفقكلمن", 7),
}


class Kind(StrEnum):
    """What a value is, and so how it may be spelt."""

    TEXT = "text"
    DAY = "day"
    NUMBER = "number"
    UID = "uid"


class Rule(StrEnum):
    """What asks for a value to go."""

    TABLE = "Table E.1-1"
    ELSEWHERE = "E.1.1: preamble, file meta, private, unknown, behind the end, names of files"
    KNOWN = "a value of the patient, wherever it stands"
    FREE = "text outside the table that an allow-list cleans"


@dataclass(frozen=True)
class Sown:
    """A value and its place: object, then keywords."""

    place: str
    value: str
    kind: Kind
    rule: Rule


@dataclass(frozen=True)
class Person:
    """A patient: family and given name in letters of their script, and in Latin ones."""

    script: str
    charset: str | list[str]
    names: tuple[str, str]
    written: str
    id: str
    birth: dt.date


@dataclass
class Ledger:
    """Hands out values and remembers where they went."""

    seed: int
    sown: list[Sown] = field(default_factory=list)
    object: str = ""
    script: str = "latin"

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._used: set[object] = set()

    def _unused(self, make: Callable[[], T]) -> T:
        while (value := make()) in self._used:
            pass
        self._used.add(value)
        return value

    def word(self, pairs: int = 4) -> str:
        """Return a made-up word that ends as few words do."""
        choice = self.random.choice
        return self._unused(
            lambda: "".join(choice(_FIRST) + choice(_VOWELS) for _ in range(pairs)) + choice(_LAST)
        ).capitalize()

    def foreign(self, script: str) -> str:
        """Return letters of a script."""
        letters, length = SCRIPTS[script]
        if not letters:
            return self.word()
        return self._unused(lambda: "".join(self.random.choices(letters, k=length)))

    def number(self, digits: int = 8) -> str:
        """Return a number that is no date."""
        low = 4 * 10 ** (digits - 1)
        return self._unused(lambda: str(self.random.randrange(low, 2 * low)))

    def uid(self) -> str:
        """Return a UID."""
        return f"1.2.826.0.1.{self.number(7)}.{self.number(5)}.{self.number(7)}"

    def day(self) -> dt.date:
        """Return a day that cannot be mistaken for another order of its numbers."""
        while True:
            day = self._unused(
                lambda: dt.date(1932, 1, 1) + dt.timedelta(self.random.randrange(24_000))
            )
            if day.day > 12 and day.year % 100 > 31:
                return day

    def sow(self, place: str, value: str, kind: Kind, rule: Rule) -> str:
        """Remember a value; returns it."""
        self.sown.append(Sown(f"{self.object}: {place}", value, kind, rule))
        return value

    def text(self, place: str, rule: Rule = Rule.ELSEWHERE) -> str:
        """Sow a word."""
        return self.sow(place, self.word(), Kind.TEXT, rule)
