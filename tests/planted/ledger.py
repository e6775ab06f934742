"""What is planted where, and made-up values that occur nowhere else.

A `Ledger` hands out values, each once, and remembers for each the place, the rule that obliges its
protection and what to search for. All values follow from the seed.
"""

from __future__ import annotations

import base64
import datetime
import random
from dataclasses import dataclass, field
from enum import StrEnum

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence

_CONSONANTS = "bdfgkmnprtvz"
_VOWELS = "aeiou"


class Clause(StrEnum):
    """A rule beside the rows of PS3.15 Table E.1-1."""

    PREAMBLE = "E.1.1: the preamble is replaced"
    FILE_META = "E.1.1: the file meta information is replaced"
    PRIVATE = "E.1-1 (gggg,eeee) where gggg is odd"
    UNKNOWN = "E.1.1: attributes that the profile does not know are removed"
    GROUP_0004 = "E.1.1: group 0004 is removed"
    TRAILING = "PS3.10: bytes after the data set are no part of it"
    CURVE = "E.1-1 (50xx,xxxx)"
    OVERLAY = "E.1-1 (60xx,3000)"
    OVERLAY_COMMENTS = "E.1-1 (60xx,4000)"
    CODESTREAM = "comments and application segments of code streams"
    SIGNATURE = "E.1.1: signatures do not hold for the new data set"
    ENCRYPTED = "E.1.1: encrypted attributes are removed, or the object refused"
    CONTENT = "E.1-1 (0040,A730)"
    GRAPHIC = "E.1-1 (0070,0001)"
    #: Values of this patient that stand in elements which the table keeps.
    REPEATED = "identifiers of this patient are removed wherever they stand"
    #: UIDs of the study that stand in text.
    UID_IN_TEXT = "identifiers of this study are removed wherever they stand"
    #: No rule names it; text that only cleaning by an allow-list can catch.
    BEYOND = "beyond the table"
    PIXELS = "E.3.1: text in the pixel data"
    FILE_NAME = "PS3.10 section 8.5: names of files hold nothing of the patient"


@dataclass(frozen=True)
class Plant:
    """One identifier at one place.

    Parameters
    ----------
    name
        The place, unique: file, path, kind.
    file
        Where it stands: relative path, "*" for all of the study.
    rule
        Tag of a row of Table E.1-1, or a clause.
    needles
        What to search the output for, lower case; any of them is a survivor. Empty for values too
        short to be searched for: then `value` at `tag` of the file decides.
    """

    name: str
    file: str
    rule: int | Clause
    needles: tuple[bytes, ...] = ()
    tag: int = 0
    value: str = ""

    @property
    def obliged(self) -> bool:
        """Whether a rule obliges its protection."""
        return self.rule is not Clause.BEYOND

    @property
    def rule_text(self) -> str:
        """The rule in words."""
        if isinstance(self.rule, Clause):
            return self.rule.value
        return f"E.1-1 ({self.rule >> 16:04X},{self.rule & 0xFFFF:04X})"


@dataclass(frozen=True)
class Reference:
    """An element that names another object of the study.

    Parameters
    ----------
    path
        Tags and item numbers from the top: (tag, item, tag, item, …, tag).
    """

    file: str
    path: tuple[int, ...]
    uid: str


@dataclass(frozen=True)
class Person:
    """The patient of the study, in parts."""

    family: str
    given: str
    middle: str
    id: str
    accession: str
    birth: datetime.date

    @property
    def name(self) -> str:
        """As DICOM writes it."""
        return f"{self.family}^{self.given}^{self.middle}"


@dataclass
class Ledger:
    """Hands out unique values and remembers where they went."""

    seed: int
    plants: list[Plant] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    uids: set[str] = field(default_factory=set)
    file: str = ""

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._used: set[str] = set()
        self.patient = Person(
            family=self.word(),
            given=self.word(),
            middle=self.word(),
            id=f"{self.word()[:4].upper()}-{self.digits(7)}",
            accession=f"AC{self.digits(8)}",
            birth=self.day(),
        )

    # -- values ----------------------------------------------------------------------------------

    def word(self) -> str:
        """Return a word of eight letters that no other value holds."""
        while True:
            pairs = (
                self._random.choice(_CONSONANTS) + self._random.choice(_VOWELS) for _ in range(4)
            )
            word = "".join(pairs)
            if word not in self._used:
                self._used.add(word)
                return word.capitalize()

    def digits(self, n: int) -> str:
        """Return a number of `n` digits, unique, that looks like no date."""
        while True:
            number = str(self._random.randrange(4 * 10 ** (n - 1), 9 * 10 ** (n - 1)))
            if number not in self._used:
                self._used.add(number)
                return number

    def day(self) -> datetime.date:
        """Return a unique day."""
        while True:
            day = datetime.date(1931, 1, 1) + datetime.timedelta(self._random.randrange(32_000))
            if day.isoformat() not in self._used and day.day > 12:
                self._used.add(day.isoformat())
                return day

    def clock(self) -> str:
        """Return a unique time with a fraction."""
        return (
            f"{self._random.randrange(24):02}{self._random.randrange(60):02}"
            f"{self._random.randrange(60):02}.{self.digits(6)}"
        )

    def uid(self) -> str:
        """Return a unique UID of the study."""
        uid = f"1.2.826.0.1.3680043.8.498.{self.digits(14)}.{self.digits(8)}"
        self.uids.add(uid)
        return uid

    def noise(self, n: int) -> bytes:
        """Return bytes that nothing else holds."""
        return self._random.randbytes(n)

    # -- plants ----------------------------------------------------------------------------------

    def add(
        self,
        where: str,
        rule: int | Clause,
        *needles: str | bytes,
        tag: int = 0,
        value: str = "",
    ) -> None:
        """Remember a plant of the current file."""
        name = f"{self.file}:{where}"
        if any(plant.name == name for plant in self.plants):
            raise ValueError(f"planted twice: {name}")
        found = tuple(
            (needle if isinstance(needle, bytes) else needle.encode()).lower() for needle in needles
        )
        if any(len(needle) < 4 for needle in found):
            raise ValueError(f"too short to be found: {name}")
        self.plants.append(Plant(name, self.file, rule, found, tag, value))

    def text(self, where: str, rule: int | Clause) -> str:
        """Return a planted word."""
        word = self.word()
        self.add(where, rule, word)
        return word

    def put(
        self,
        ds: Dataset,
        keyword: str,
        *,
        rule: int | Clause | None = None,
        where: str = "",
        vr: str = "",
    ) -> None:
        """Set an element to a value of its VR and remember it.

        Parameters
        ----------
        rule
            Default: the element's own row of the table.
        where
            What to put before the keyword to make the place unique.
        vr
            VR to write it with, where it is not the dictionary's.
        """
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        true_vr = dictionary_VR(tag)
        place = f"{where}/{keyword}" if where else keyword
        value = self._value(place, true_vr, tag, tag if rule is None else rule)
        ds.add(DataElement(tag, vr or true_vr, value))

    def _value(self, place: str, vr: str, tag: int, rule: int | Clause) -> object:
        needles: tuple[str | bytes, ...]
        value: object
        if vr == "SQ":
            return Sequence([self.code(place, rule)])
        if vr == "AS":
            age = f"{self._random.randrange(20, 89):03}Y"
            self.add(place, rule, tag=tag, value=age)
            return age
        if vr in {"OB", "OW", "UN", "OD", "OF", "OL", "OV"}:
            value = self.noise(64)
            needles = (value[:24],)
        else:
            value, needles = self._string(vr)
        self.add(place, rule, *needles, tag=tag, value=str(value))
        return value

    def _string(self, vr: str) -> tuple[object, tuple[str | bytes, ...]]:
        if vr == "PN":
            family, given = self.word(), self.word()
            return f"{family}^{given}", (family, given)
        if vr == "DA":
            day = f"{self.day():%Y%m%d}"
            return day, (day,)
        if vr == "TM":
            clock = self.clock()
            return clock, (clock,)
        if vr == "DT":
            day, clock = f"{self.day():%Y%m%d}", self.clock()
            return day + clock, (day, clock)
        if vr == "UI":
            uid = self.uid()
            return uid, (uid,)
        if vr in {"IS", "SL", "UL"}:
            number = self.digits(9)
            return int(number), (number,)
        if vr in {"DS", "FD"}:
            number = f"{self._random.randrange(10, 90)}.{self.digits(7)}"
            return number if vr == "DS" else float(number), (number,)
        word = self.word()
        return (word.upper() if vr in {"AE", "CS"} else word), (word,)

    def code(self, place: str, rule: int | Clause) -> Dataset:
        """Return a coded concept of a private scheme with planted value and meaning."""
        item = Dataset()
        value, meaning = self.word(), self.word()
        item.CodeValue = value.upper()
        item.CodingSchemeDesignator = "99LOCAL"
        item.CodeMeaning = meaning
        self.add(f"{place}/CodeValue", rule, value)
        self.add(f"{place}/CodeMeaning", rule, meaning)
        return item

    def refer(self, path: tuple[int, ...], uid: str) -> str:
        """Remember a reference of the current file; return its UID."""
        self.references.append(Reference(self.file, path, uid))
        return uid


def forms(needle: bytes) -> tuple[bytes, ...]:
    """Return how a needle may stand in bytes: as it is, UTF-16, base64 in three alignments."""
    wide = needle.decode("latin-1").encode("utf-16-le")
    cased = (needle, needle.upper(), needle.capitalize())
    return (needle, wide, *(form for text in cased for form in _base64(text)))


def _base64(needle: bytes) -> tuple[bytes, ...]:
    out = []
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + needle).rstrip(b"=")
        cut = text[(0, 2, 3)[shift] : len(text) - 1]
        if len(cut) >= 8:
            out.append(cut.lower())
    return tuple(out)
