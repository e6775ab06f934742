"""What the inputs of a run hold that its outputs must not.

Read from the inputs with pydicom, and judged by Table E.1-1 and the value representation; nothing
of the engine takes part. Values stay in memory and go nowhere else.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO, Protocol

from emixcli.deid import tables
from emixcli.deid.marks import Hashes, Marks
from emixcli.deid.needles import Needles, Uids
from emixcli.deid.options import Option, Profile
from emixcli.deid.reading import Text, UnreadableError, iter_texts, open_dataset
from emixcli.deid.spellings import (
    Kind,
    Spelling,
    encodings,
    parse_date,
    plain,
    spell_date,
    spell_id,
    spell_name,
)
from emixcli.quiet import quiet_pydicom

#: Numbers, codes, addresses and organisations that are searched for everywhere.
_IDS = frozenset({
    0x00080050, 0x00080054, 0x00080055, 0x00080080, 0x00080081, 0x00080092, 0x00080094,
    0x00081000, 0x00081010, 0x00081040, 0x00100020, 0x00101000, 0x00101040, 0x00101050,
    0x00101090, 0x00102154, 0x00102155, 0x00102299, 0x00120010, 0x00120020, 0x00120021,
    0x00120030, 0x00120031, 0x00120040, 0x00120042, 0x00120060, 0x00120081, 0x00120082,
    0x00181000, 0x00181002, 0x00181004, 0x00181005, 0x00181007, 0x00181008, 0x00181009,
    0x00181010, 0x0018700A, 0x00189367, 0x00189371, 0x00200010, 0x00220005, 0x00321021,
    0x00380010, 0x00380060, 0x00380300, 0x00380400, 0x00400001, 0x00400009, 0x00400010,
    0x00400241, 0x00400242, 0x00400253, 0x00400512, 0x00400551, 0x00401001, 0x00401102,
    0x00401103, 0x00401104, 0x00402009, 0x00402010, 0x00402016, 0x00402017, 0x0040A027,
    0x0040A353, 0x0040A354, 0x00404036, 0x04000563, 0x22000005, 0x30080105, 0x300A00B2,
    0x40080200,
})  # fmt: skip
#: UIDs of kinds and codes, which identify no object.
_CLASSES = frozenset({
    0x00020002, 0x00020010, 0x00020012, 0x00020100, 0x00041510, 0x00041512, 0x0008001A,
    0x0008001B, 0x00080016, 0x00080062, 0x0008010C, 0x0008010D, 0x00080117, 0x00080118,
    0x00081150, 0x0008115A, 0x0040DB0C, 0x0040DB0D, 0x04000010, 0x04000510,
})  # fmt: skip
#: Dates of codes and templates.
_CODE_DATES = frozenset({0x00080106, 0x00080107, 0x0040DB06, 0x0040DB07})
_BIRTH = 0x00100030
#: UIDs of the standard: those of an instance do not begin so, or have long components.
STANDARD = re.compile(r"1\.2\.840\.10008(\.\d{1,4})+")
#: Days that stand for none; the first is the dummy that we write.
_NO_DAYS = frozenset({
    datetime.date(2000, 1, 1), datetime.date(1900, 1, 1), datetime.date(1970, 1, 1),
})  # fmt: skip


class Identifying(Protocol):
    """A value that the engine removed."""

    @property
    def tag(self) -> int:
        """Where it stood."""

    @property
    def vr(self) -> str:
        """Its value representation."""

    @property
    def value(self) -> str:
        """One value, decoded."""


class Rulebook:
    """What Table E.1-1 asks for a tag under a profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._found: dict[int, str] = {}

    def action(self, tag: int) -> str:
        """Return action letters, `K` for kept, `C` for cleaned, "" where there is no row."""
        found = self._found.get(tag)
        if found is None:
            found = self._found[tag] = self._look_up(tag)
        return found

    def _look_up(self, tag: int) -> str:
        if tag in self._profile.rules.actions:
            return self._profile.rules.actions[tag]
        rows = tables.profile()
        row = rows.get(f"{tag:08X}")
        if row is None and 0x5000 <= tag >> 16 <= 0x501E:
            row = rows.get("50xxxxxx")
        if row is None and 0x6000 <= tag >> 16 <= 0x601E:
            row = rows.get(f"60xx{tag & 0xFFFF:04X}")
        if row is None:
            return ""
        for name, letter in zip(tables.COLUMNS, row.options, strict=True):
            if letter != "-" and Option(name) in self._profile.options:
                return letter
        return row.basic


class Evidence:
    """Values of the inputs, in all spellings.

    Parameters
    ----------
    profile
        What its options keep is not searched for.
    ours
        Whether a value is a pseudonym or UID of our own key, which stays when an object is
        de-identified again.
    """

    def __init__(self, profile: Profile, ours: Callable[[str], bool] = lambda _: False) -> None:
        self.profile = profile
        self.rules = Rulebook(profile)
        self._uids = Uids()
        self.in_bytes = Needles(self._uids)
        self.in_text = Needles(self._uids)
        self.in_squeezed = Needles()
        self.in_spaced = Needles()
        #: Hashes of what stood in elements that the table protects, by tag.
        self.values: dict[int, Hashes] = {}
        self._ours = ours
        self._known = Marks()
        self._done: set[tuple[Kind, str]] = set()
        self._kept_days: set[str] = set()
        self._common = tables.vocabulary()

    def learn(self, file: BinaryIO) -> bool:
        """Take the values of an input; returns whether pydicom could read it."""
        with quiet_pydicom(), suppress(UnreadableError), open_dataset(file) as source:
            for text in iter_texts(source, self._known):
                self._take(text)
            return True
        return False

    def add(self, identifiers: Iterable[Identifying]) -> None:
        """Take the values that the engine says it removed."""
        for found in identifiers:
            self._judge(found.tag, found.vr, found.value)

    def _take(self, text: Text) -> None:
        asked = self.rules.action(text.tag)
        if asked not in {"", "K", "C"} and text.data.strip(b" \0"):
            self.values.setdefault(text.tag, Hashes()).add(hash(text.data.rstrip(b" \0")))
        if asked == "K":
            if text.vr in {"DA", "DT"}:
                self._kept_days.update(value[:8] for value in text.iter_values())
            return
        for value in text.iter_values():
            self._judge(text.tag, text.vr, value)

    def _judge(self, tag: int, vr: str, value: str) -> None:
        value = value.partition("\0")[0].strip()
        if not value or self._ours(value) or self.rules.action(tag) == "K":
            return
        if vr == "PN":
            self._add(Kind.NAME, value, spell_name(value, self._common))
        elif vr == "UI":
            self._add_uid(tag, value)
        elif vr in {"DA", "DT"}:
            self._add_day(tag, value)
        elif tag in _IDS:
            self._add(Kind.ID, value, spell_id(value))

    def _add_uid(self, tag: int, uid: str) -> None:
        if (
            Option.RETAIN_UIDS not in self.profile.options
            and tag not in _CLASSES
            and STANDARD.fullmatch(uid) is None
            and uid.count(".") >= 3
        ):
            self._uids.add(uid)

    def _add_day(self, tag: int, value: str) -> None:
        options = self.profile.options
        day = parse_date(value)
        is_birth = tag == _BIRTH
        if day is None or tag in _CODE_DATES or day in _NO_DAYS:
            return
        if Option.RETAIN_FULL_DATES in options and not is_birth:
            return
        if f"{day:%Y%m%d}" in self._kept_days:
            return
        # Shifted days may fall on others of the same patient: then text alone is searched.
        moved = Option.RETAIN_MODIFIED_DATES in options
        key = f"{day}{is_birth}"
        self._add(Kind.DATE, key, spell_date(day, birth=is_birth), text_only=moved)

    def _add(
        self, kind: Kind, key: str, spellings: Iterable[Spelling], *, text_only: bool = False
    ) -> None:
        if (kind, key) in self._done:
            return
        self._done.add((kind, key))
        for text, how, whole, squeezed, spaced in spellings:
            if spaced:
                self.in_spaced.add(text.encode(), kind, how, whole=False)
                continue
            if squeezed:
                self.in_squeezed.add(text.encode(), kind, how, whole=whole)
                continue
            self.in_text.add(text.encode(), kind, how, whole=whole)
            if not text_only and _in_bytes(text, kind):
                self.in_bytes.add(text.encode(), kind, how, whole=whole)
        if kind in {Kind.NAME, Kind.ID} and not key.isascii():
            self._add_encoded(kind, key)

    def _add_encoded(self, kind: Kind, value: str) -> None:
        """Add the bytes of names and numbers that are not ASCII, in every character set."""
        parts = [value]
        if kind is Kind.NAME:
            groups = value.split("=")
            parts = [*groups, *(part for group in groups for part in group.split("^"))]
        for part in parts:
            if len(part.strip()) < 2 or plain(part) in self._common:
                continue
            for data in encodings(part.strip()):
                # Short ones are common among other bytes.
                if len(data) >= 5:
                    self.in_bytes.add(data, kind, "encoded", whole=False, text=plain(part))


def _in_bytes(text: str, kind: Kind) -> bool:
    """Whether a spelling is long enough for bytes that may be anything."""
    if kind is Kind.DATE:
        return len(text) >= 8
    return len(text) >= (8 if text.isdigit() else 5)
