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
from typing import TYPE_CHECKING, BinaryIO

from emixcli.deid.evidence import Evidence, Identifying
from emixcli.deid.options import Option, Profile
from emixcli.deid.reading import Text, UnreadableError, iter_bytes, iter_texts, open_dataset, quiet
from emixcli.deid.spellings import Kind, plain, squeeze
from emixcli.deid.structure import Leak, Structure, where

if TYPE_CHECKING:
    from emixcli.deid.needles import Hit, Needles

#: What a value may be searched for in: numbers and times hold too many digits by chance.
_NUMERIC = frozenset({"TM", "DS", "IS", "AS", "UI"})
_DAYS = frozenset({"DA", "DT"})
_GAP = "\n\x1f\n"
_ENOUGH = 100


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
        with quiet():
            leaks = dict.fromkeys(self._structure_and_texts(file))
        leaks.update(dict.fromkeys(self._raw(file)))
        return list(leaks)[:_ENOUGH]

    def _structure_and_texts(self, file: BinaryIO) -> Iterator[Leak]:
        known = set(self._known)
        try:
            ds = open_dataset(file)
        except UnreadableError:
            yield Leak("unreadable", "bytes", "pydicom")
            return
        texts = list(iter_texts(ds, known=known))
        leaks = [*self._structure.check(file, ds, texts), *self._search(texts)]
        if not leaks:
            self._known = known
        yield from leaks

    # -- values ----------------------------------------------------------------------------------

    def _search(self, texts: list[Text]) -> Iterator[Leak]:
        chosen = [text for text in texts if text.values]
        words = [plain("\\".join(text.values)) for text in chosen]
        tight = [squeeze(word) for word in words]
        for needles, strings in (
            (self.evidence.in_text, words),
            (self.evidence.in_squeezed, tight),
        ):
            for text, hit in _find(needles, strings, chosen):
                if self._counts(text, hit):
                    yield Leak(hit.kind, where(text.path), hit.how)

    def _counts(self, text: Text, hit: Hit) -> bool:
        if hit.kind is Kind.UID:
            return True
        if hit.kind is Kind.DATE:
            moved = Option.RETAIN_MODIFIED_DATES in self.profile.options
            return text.vr not in {"UI", "DS", "TM"} and not (moved and text.vr in _DAYS)
        return text.vr not in _NUMERIC and text.vr not in _DAYS

    def _raw(self, file: BinaryIO) -> Iterator[Leak]:
        """Search the bytes, with and without the zeros of UTF-16."""
        for number, piece in enumerate(iter_bytes(file)):
            yield from self._raw_hits(piece, least=5 if number == 0 else 6)
            if number == 0:
                head = piece[: 1 << 16]
                yield from self._raw_hits(head.replace(b"\0", b""), least=7)

    def _raw_hits(self, data: bytes, *, least: int) -> Iterator[Leak]:
        for hit in self.evidence.in_bytes.find(data, least=least):
            if hit.kind is not Kind.DATE or not _in_number(data, hit.position):
                yield Leak(hit.kind, "bytes", hit.how)


def _find(needles: Needles, strings: list[str], texts: list[Text]) -> Iterator[tuple[Text, Hit]]:
    """Search many strings in one go; yield where each find belongs."""
    data = [string.encode("utf-8", "replace") for string in strings]
    starts, position = [], 0
    for part in data:
        starts.append(position)
        position += len(part) + len(_GAP)
    for hit in needles.find(_GAP.encode().join(data)):
        yield texts[bisect_right(starts, hit.position) - 1], hit


def _in_number(data: bytes, position: int) -> bool:
    """Whether digits with points stand before: a UID or a fraction."""
    return data[position - 1 : position] == b"."


def verify(
    output: BinaryIO, identifiers: Iterable[Identifying], *, profile: Profile | None = None
) -> list[Leak]:
    """Return what one output still holds of these values."""
    verifier = Verifier(profile or Profile())
    verifier.add(identifiers)
    return verifier.check(output)
