"""The second look at de-identified objects, by a path of its own.

Outputs are read again, with pydicom and byte by byte, and searched for every identifying value of
the inputs (`emixcli.deid.evidence`) in every spelling and encoding (`emixcli.deid.spellings`).
Beside that their structure is held against Table E.1-1: what should be gone is gone, what should be
new is not the old, nothing private or unknown is left, the file meta agrees. A `Leak` never holds
the value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from emixcli.deid.batches import Batch, written
from emixcli.deid.chance import by_chance
from emixcli.deid.evidence import Evidence, Identifying
from emixcli.deid.marks import Marks
from emixcli.deid.options import Option, Profile
from emixcli.deid.rawbytes import iter_bytes
from emixcli.deid.reading import Text, UnreadableError, iter_texts, open_dataset, pixels_from
from emixcli.deid.spellings import Kind, plain
from emixcli.deid.structure import Leak, Structure, where
from emixcli.quiet import quiet_pydicom

if TYPE_CHECKING:
    from emixcli.deid.needles import Hit
    from emixcli.deid.reading import Source

#: What a value may be searched for in: numbers and times hold too many digits by chance.
_NUMERIC = frozenset({"TM", "DS", "IS", "AS", "UI"})
_DAYS = frozenset({"DA", "DT"})
_ENOUGH = 100
#: Bytes of a value that is looked for in bytes: at the start of a file, in the rest, and where the
#: zeros of UTF-16 are left out of so much of the start.
_LEAST_AT_START, _LEAST, _LEAST_WIDE = 5, 6, 7
_WIDE = 1 << 16


class _Leaks(dict[Leak, None]):
    """The first of them, each once."""

    def add(self, leak: Leak) -> None:
        """Add one."""
        if len(self) < _ENOUGH:
            self[leak] = None


@dataclass
class _Found:
    """What a look at an output found.

    Attributes
    ----------
    structure, texts, raw
        Leaks: of a rule; of a value, as each spelling of the texts has it, and in bytes.
    words
        The values that were found.
    harmless
        Values that stand where they may, such as digits in a time: bytes cannot tell them apart.
    pixels
        Where the pixel data stands in the file.
    """

    structure: _Leaks = field(default_factory=_Leaks)
    texts: tuple[_Leaks, ...] = field(default_factory=lambda: (_Leaks(), _Leaks(), _Leaks()))
    raw: _Leaks = field(default_factory=_Leaks)
    words: set[str] = field(default_factory=set)
    harmless: set[str] = field(default_factory=set)
    pixels: int | None = None

    def leaks(self) -> Iterator[Leak]:
        """Yield all."""
        for leaks in (self.structure, *self.texts, self.raw):
            yield from leaks


class Verifier:
    """Holds outputs against inputs.

    First `learn` every input, then `check` every output. The outputs of one patient are then
    searched for what stood in any of the inputs.
    """

    def __init__(self, profile: Profile, *, ours: Callable[[str], bool] = lambda _: False) -> None:
        self.profile = profile
        self.evidence = Evidence(profile, ours)
        self._structure = Structure(self.evidence, ours)
        self._known = Marks()

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

        Memory is bounded: elements come one by one, long values and bytes in pieces.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        return self.look(file)[0]

    def look(self, file: BinaryIO) -> tuple[list[Leak], set[str]]:
        """Return what `check` does, and the words that were found, for a `Repair`."""
        with quiet_pydicom():
            found = self._structure_and_texts(file)
            self._raw(file, found)
        leaks = dict.fromkeys(found.leaks())
        return list(leaks)[:_ENOUGH], found.words

    def _structure_and_texts(self, file: BinaryIO) -> _Found:
        found = _Found()
        self._known.drop()
        try:
            with open_dataset(file) as source:
                judged = self._read(source, found)
                found.pixels = pixels_from(source.header)
                for leak in (*self._structure.check(file, source.header), *judged):
                    found.structure.add(leak)
        except UnreadableError:
            found = _Found()
            found.structure.add(Leak("unreadable", "bytes", "pydicom"))
            return found
        if not any(found.leaks()) and not found.harmless:
            self._known.settle()
        return found

    # -- values ----------------------------------------------------------------------------------

    def _read(self, source: Source, found: _Found) -> _Leaks:
        """Search all texts, and return which of their elements break a rule."""
        judged = _Leaks()
        evidence = self.evidence
        batches = [
            Batch(needles, partial(self._take, found, leaks))
            for needles, leaks in zip(
                (evidence.in_text, evidence.in_squeezed, evidence.in_spaced),
                found.texts,
                strict=True,
            )
        ]
        for text in iter_texts(source, self._known):
            if (leak := self._structure.judge(text)) is not None:
                judged.add(leak)
            if text.values:
                _search(batches, text)
            elif text.pieces is not None:
                _search_long(batches, text, text.pieces())
        for batch in batches:
            batch.finish()
        return judged

    def _take(self, found: _Found, leaks: _Leaks, text: Text, hit: Hit) -> None:
        if self._counts(text, hit):
            leaks.add(Leak(hit.kind, where(text.path), hit.how))
            found.words.add(hit.text)
        else:
            found.harmless.add(hit.text)

    def _counts(self, text: Text, hit: Hit) -> bool:
        if hit.kind is Kind.UID:
            return True
        if hit.kind is Kind.DATE:
            moved = Option.RETAIN_MODIFIED_DATES in self.profile.options
            return text.vr not in {"UI", "DS", "TM"} and not (moved and text.vr in _DAYS)
        return text.vr not in _NUMERIC and text.vr not in _DAYS

    def _raw(self, file: BinaryIO, found: _Found) -> None:
        """Search the bytes, with and without the zeros of UTF-16."""
        for start, piece, pixels in iter_bytes(file, found.pixels):
            noise = len(piece) if pixels is None else max(0, pixels - start)
            least = _LEAST if start else _LEAST_AT_START
            for hit in self.evidence.in_bytes.find(piece, least=least):
                if hit.position < noise or not by_chance(piece, hit.position, hit.length):
                    self._take_in_bytes(piece, hit, found)
            if not start:
                head = piece[: min(noise, _WIDE)].replace(b"\0", b"")
                for hit in self.evidence.in_bytes.find(head, least=_LEAST_WIDE):
                    self._take_in_bytes(head, hit, found)

    def _take_in_bytes(self, data: bytes, hit: Hit, found: _Found) -> None:
        if self._counts_in_bytes(data, hit, found):
            found.raw.add(Leak(hit.kind, "bytes", hit.how))
            found.words.add(hit.text)

    @staticmethod
    def _counts_in_bytes(data: bytes, hit: Hit, found: _Found) -> bool:
        """Whether bytes tell what no text tells that may: dates that stay, numbers."""
        if hit.text in found.harmless:
            return False
        # Digits with points before them: a UID or a fraction.
        return hit.kind is not Kind.DATE or data[hit.position - 1 : hit.position] != b"."


def _search(batches: list[Batch], text: Text) -> None:
    for batch, data in zip(batches, written(plain("\\".join(text.values))), strict=True):
        batch.add(text, data)


def _search_long(batches: list[Batch], text: Text, pieces: Iterator[str]) -> None:
    for batch in batches:
        batch.begin(text)
    for piece in pieces:
        for batch, data in zip(batches, written(plain(piece)), strict=True):
            batch.go_on(data)
    for batch in batches:
        batch.end()


def verify(
    output: BinaryIO, identifiers: Iterable[Identifying], *, profile: Profile | None = None
) -> list[Leak]:
    """Return what one output still holds of these values."""
    verifier = Verifier(profile or Profile())
    verifier.add(identifiers)
    return verifier.check(output)
