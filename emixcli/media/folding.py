"""Instances of very large file-sets, kept as compressed bytes between two looks at them.

Instances of 200,000 files take 60 MB as objects and a tenth of it folded. They are made anew at
each look, a thousand at a time, so nobody may rely on which object they are.
"""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from emixcli.model import Instance, Patient, Series, Study
from emixcli.packed import SharedValues

if TYPE_CHECKING:
    from collections.abc import Iterable

#: File-sets with more instances are folded.
FOLD_ABOVE = 20_000
_CHUNK = 1000
_LEVEL = 1


class FoldedInstances(Sequence[Instance]):
    """The instances of a series; they come out equal to those that went in."""

    __slots__ = ("_chunks", "_first", "_length")

    def __init__(self, instances: Sequence[Instance]) -> None:
        starts = range(0, len(instances), _CHUNK)
        self._chunks = [_fold(instances[at : at + _CHUNK]) for at in starts]
        self._length = len(instances)
        self._first: Instance | None = None

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Instance]:
        for chunk in self._chunks:
            yield from _unfold(chunk)

    @overload
    def __getitem__(self, at: int) -> Instance: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Instance]: ...

    def __getitem__(self, at: int | slice) -> Instance | Sequence[Instance]:
        if isinstance(at, slice):
            return tuple(self)[at]
        chunk, place = divmod(range(self._length)[at], _CHUNK)
        if chunk or place:
            return _unfold(self._chunks[chunk])[place]
        if self._first is None:  # asked for again and again: what its series is called
            self._first = _unfold(self._chunks[0])[0]
        return self._first

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))


def _fold(instances: Iterable[Instance]) -> bytes:
    shared: dict[SharedValues, int] = {}
    places: dict[tuple[int, str], int] = {}
    records = [
        (
            instance.packed,
            instance.size,
            instance.pixels,
            shared.setdefault(instance.shared, len(shared)),
            places.setdefault(instance.place, len(places)),
        )
        for instance in instances
    ]
    values = [(one.values, one.slots, one.deep) for one in shared]
    return zlib.compress(marshal.dumps((records, values, list(places))), _LEVEL)


def _unfold(chunk: bytes) -> list[Instance]:
    content = zlib.decompress(chunk)
    records, values, places = marshal.loads(content)  # noqa: S302 - what `_fold` has made
    shared = [SharedValues(own, slots, deep=deep) for own, slots, deep in values]
    return [
        Instance.of(places[place], packed, shared[common], size, pixels)
        for packed, size, pixels, common, place in records
    ]


def fold_patients(patients: Iterable[Patient]) -> tuple[Patient, ...]:
    """Return the same patients, the instances of their series folded."""
    return tuple(
        Patient(
            patient.key,
            tuple(
                Study(
                    study.uid,
                    tuple(Series(one.uid, FoldedInstances(one.instances)) for one in study.series),
                )
                for study in patient.studies
            ),
        )
        for patient in patients
    )
