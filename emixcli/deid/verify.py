"""The second look at de-identified objects, by a path of its own.

Outputs are read again, with pydicom and byte by byte, and searched for every identifying value of
the inputs (`emixcli.deid.evidence`) in every spelling and encoding (`emixcli.deid.spellings`).
Beside that their structure is held against Table E.1-1: what should be gone is gone, what should be
new is not the old, nothing private or unknown is left, the file meta agrees. A `Leak` never holds
the value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

from emixcli.deid.chance import by_chance
from emixcli.deid.evidence import Evidence, Identifying
from emixcli.deid.options import Option, Profile
from emixcli.deid.reading import (
    Text,
    UnreadableError,
    iter_bytes,
    iter_texts,
    open_dataset,
    pixels_from,
)
from emixcli.deid.spellings import Kind, plain, space, squeeze
from emixcli.deid.structure import Leak, Structure, where
from emixcli.quiet import quiet_pydicom

if TYPE_CHECKING:
    from emixcli.deid.needles import Hit, Needles

#: What a value may be searched for in: numbers and times hold too many digits by chance.
_NUMERIC = frozenset({"TM", "DS", "IS", "AS", "UI"})
_DAYS = frozenset({"DA", "DT"})
_GAP = "\n\x1f\n"
_ENOUGH = 100
#: Bytes of a value that is looked for in bytes: at the start of a file, in the rest, and where the
#: zeros of UTF-16 are left out of so much of the start.
_LEAST_AT_START, _LEAST, _LEAST_WIDE = 5, 6, 7
_WIDE = 1 << 16


@dataclass
class _Found:
    """What a look at the elements of an output found.

    Attributes
    ----------
    leaks
        Each with the word that was found, "" where it is no value.
    harmless
        Values that stand where they may, such as digits in a time: bytes cannot tell them apart.
    pixels
        Where the pixel data stands in the file.
    """

    leaks: list[tuple[Leak, str]] = field(default_factory=list)
    harmless: set[str] = field(default_factory=set)
    pixels: int | None = None


class Verifier:
    """Holds outputs against inputs.

    First `learn` every input, then `check` every output. The outputs of one patient are then
    searched for what stood in any of the inputs.
    """

    def __init__(self, profile: Profile, *, ours: Callable[[str], bool] = lambda _: False) -> None:
        self.profile = profile
        self.evidence = Evidence(profile, ours)
        self._structure = Structure(self.evidence, ours)
        self._known: set[int] = set()

    def learn(self, file: BinaryIO) -> bool:
        """Take what an input holds; returns whether pydicom could read it. If not, `add`."""
        self._known.clear()
        return self.evidence.learn(file)

    def add(self, identifiers: Iterable[Identifying]) -> None:
        """Take what the engine says it removed (`Anonymized.identifiers`)."""
        self.evidence.add(identifiers)
        self._known.clear()

    def check(self, file: BinaryIO) -> list[Leak]:
        """Return what is left in an output; [] is what everybody wants.

        Memory is bounded by the header; pixel data is read in pieces.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        return self.look(file)[0]

    def look(self, file: BinaryIO) -> tuple[list[Leak], set[str]]:
        """Return what `check` does, and the words that were found, for a `Repair`."""
        leaks: dict[Leak, None] = {}
        words: set[str] = set()
        with quiet_pydicom():
            found = self._structure_and_texts(file)
            for leak, word in (*found.leaks, *self._raw(file, found)):
                leaks[leak] = None
                words.add(word)
        return list(leaks)[:_ENOUGH], words - {""}

    def _structure_and_texts(self, file: BinaryIO) -> _Found:
        known = set(self._known)
        try:
            ds = open_dataset(file)
        except UnreadableError:
            return _Found([(Leak("unreadable", "bytes", "pydicom"), "")])
        texts = list(iter_texts(ds, known=known))
        found = _Found(pixels=pixels_from(ds))
        found.leaks += [(leak, "") for leak in self._structure.check(file, ds, texts)]
        self._search(texts, found)
        if not found.leaks and not found.harmless:
            self._known = known
        return found

    # -- values ----------------------------------------------------------------------------------

    def _search(self, texts: list[Text], found: _Found) -> None:
        chosen = [text for text in texts if text.values]
        words = [plain("\\".join(text.values)) for text in chosen]
        tight = [squeeze(word) for word in words]
        apart = [space(word) for word in words]
        for needles, strings in (
            (self.evidence.in_text, words),
            (self.evidence.in_squeezed, tight),
            (self.evidence.in_spaced, apart),
        ):
            for text, hit in _find(needles, strings, chosen):
                if self._counts(text, hit):
                    found.leaks.append((Leak(hit.kind, where(text.path), hit.how), hit.text))
                else:
                    found.harmless.add(hit.text)

    def _counts(self, text: Text, hit: Hit) -> bool:
        if hit.kind is Kind.UID:
            return True
        if hit.kind is Kind.DATE:
            moved = Option.RETAIN_MODIFIED_DATES in self.profile.options
            return text.vr not in {"UI", "DS", "TM"} and not (moved and text.vr in _DAYS)
        return text.vr not in _NUMERIC and text.vr not in _DAYS

    def _raw(self, file: BinaryIO, found: _Found) -> Iterator[tuple[Leak, str]]:
        """Search the bytes, with and without the zeros of UTF-16."""
        for start, piece, pixels in iter_bytes(file, found.pixels):
            noise = len(piece) if pixels is None else max(0, pixels - start)
            least = _LEAST if start else _LEAST_AT_START
            for hit in self.evidence.in_bytes.find(piece, least=least):
                is_chance = hit.position >= noise and by_chance(piece, hit.position, hit.length)
                if not is_chance and self._counts_in_bytes(piece, hit, found):
                    yield Leak(hit.kind, "bytes", hit.how), hit.text
            if not start:
                head = piece[: min(noise, _WIDE)].replace(b"\0", b"")
                for hit in self.evidence.in_bytes.find(head, least=_LEAST_WIDE):
                    if self._counts_in_bytes(head, hit, found):
                        yield Leak(hit.kind, "bytes", hit.how), hit.text

    @staticmethod
    def _counts_in_bytes(data: bytes, hit: Hit, found: _Found) -> bool:
        """Whether bytes tell what no text tells that may: dates that stay, numbers."""
        if hit.text in found.harmless:
            return False
        # Digits with points before them: a UID or a fraction.
        return hit.kind is not Kind.DATE or data[hit.position - 1 : hit.position] != b"."


def _find(needles: Needles, strings: list[str], texts: list[Text]) -> Iterator[tuple[Text, Hit]]:
    """Search many strings in one go; yield where each find belongs."""
    data = [string.encode("utf-8", "replace") for string in strings]
    starts, position = [], 0
    for part in data:
        starts.append(position)
        position += len(part) + len(_GAP)
    for hit in needles.find(_GAP.encode().join(data)):
        yield texts[bisect_right(starts, hit.position) - 1], hit


def verify(
    output: BinaryIO, identifiers: Iterable[Identifying], *, profile: Profile | None = None
) -> list[Leak]:
    """Return what one output still holds of these values."""
    verifier = Verifier(profile or Profile())
    verifier.add(identifiers)
    return verifier.check(output)
