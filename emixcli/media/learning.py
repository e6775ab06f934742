"""Templates from headers that were parsed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from emixcli.media import elements as el
from emixcli.media.pieces import Piece, iter_pieces
from emixcli.media.sequences import is_nesting
from emixcli.media.stepping import N_SLOTS
from emixcli.media.template import (
    ELEMENTS,
    ITEMS,
    NAME,
    PREFIX_OFFSET,
    TEXT,
    Section,
    Step,
    Template,
)
from emixcli.media.window import head_length_for
from emixcli.packed import SharedValues

if TYPE_CHECKING:
    from emixcli.media.parser import Parser
    from emixcli.model import Value

_SERIES: Final = el.SLOTS["SeriesInstanceUID"]
_CLASS: Final = el.SLOTS["SOPClassUID"]
_SYNTAX: Final = el.SLOTS["TransferSyntaxUID"]
_PADDING: Final = el.SLOTS["PixelPaddingValue"]
#: These decide how others are read: where one differs, there is no template.
_FIXED: Final = frozenset(
    map(el.EXPLICIT_LITTLE.swap, (0x00020002, 0x00020010, 0x00080005, 0x00280103))
)
_MAX_TEMPLATES: Final = 6
_MAX_FAMILIES: Final = 16
#: Headers without template that are all learnt from, and those that begin a series later on.
_EAGER: Final = 3
_PER_SERIES: Final = 4
#: Where templates are of no use, a few of so many headers are learnt from.
_ROUND: Final = 64
_PER_ROUND: Final = 2


@dataclass(slots=True, eq=False, repr=False)
class Sample:
    """A header that was parsed, with the bytes that it was read from.

    Attributes
    ----------
    values
        In the order of `model.KEYWORDS`; one more at the end says whether the header is deep.
    is_known
        Whether it was learnt from.
    """

    head: bytes
    dataset: int
    dialect: el.Dialect
    values: list[Value]
    media_class: str
    is_known: bool = False

    @classmethod
    def of(cls, parser: Parser, head: bytes) -> Sample:
        """Return what was just parsed."""
        return cls(head, parser.dataset, parser.dialect, parser.values, parser.media_class)


@dataclass(slots=True, eq=False, repr=False)
class _Family:
    """Headers of one series, or of one class, with the same elements."""

    head: bytes
    pieces: list[Piece]
    differing: set[int] = field(default_factory=set)
    template: Template | None = None

    def compare(self, head: bytes, pieces: list[Piece]) -> None:
        """Note in which elements another header differs."""
        for index, (a, b) in enumerate(zip(self.pieces, pieces, strict=True)):
            if self.head[a.at : a.end] != head[b.at : b.end]:
                self.differing.add(index)


class Templates:
    """The templates of the last few series, the last one used first."""

    def __init__(self) -> None:
        self.found: list[Template] = []
        self._families: dict[tuple[Value, bytes], _Family] = {}
        self._n_misses = 0
        self._last: Sample | None = None
        self._n_of_series = 0

    def use(self, template: Template) -> None:
        """Take note that a template was of use."""
        self._n_misses = 0
        if template is not self.found[0]:
            self.found.remove(template)
            self.found.insert(0, template)

    def learn(self, sample: Sample) -> None:
        """Learn from a header that no template fitted: from those of one series, and a few others.

        It costs as much as parsing it twice more.
        """
        self._n_misses += 1
        last, self._last = self._last, sample
        series = sample.values[_SERIES]
        is_same = bool(series) and last is not None and last.values[_SERIES] == series
        self._n_of_series = self._n_of_series + 1 if is_same else 0
        is_begin = 1 < self._n_of_series <= _PER_SERIES
        if last is not None and is_begin:
            self._study(last)
        if is_begin or self._n_misses <= _EAGER or self._n_misses % _ROUND < _PER_ROUND:
            self._study(sample)

    def _study(self, sample: Sample) -> None:
        if sample.is_known or not sample.dialect.little:
            return
        sample.is_known = True
        pieces = list(iter_pieces(sample.head, sample.dataset, sample.dialect))
        signature = _signature(sample.head, pieces)
        class_family = self._member((sample.values[_CLASS], signature), sample, pieces)
        family = self._member((sample.values[_SERIES], signature), sample, pieces)
        for member in (class_family, family):
            is_same = member is class_family and class_family.differing == family.differing
            if member.differing and not is_same:
                self._renew(member, _template(sample, pieces, member.differing))

    def _member(self, key: tuple[Value, bytes], sample: Sample, pieces: list[Piece]) -> _Family:
        """Return the family of a header, which knows of the header then."""
        family = self._families.pop(key, None)
        if family is None:
            family = _Family(sample.head, pieces)
        else:
            family.compare(sample.head, pieces)
        while len(self._families) >= _MAX_FAMILIES:
            del self._families[next(iter(self._families))]
        self._families[key] = family
        return family

    def _renew(self, family: _Family, template: Template | None) -> None:
        self.found = [known for known in self.found if known is not family.template]
        if template is not None:
            self.found = [template, *self.found[: _MAX_TEMPLATES - 1]]
        family.template = template


def _signature(head: bytes, pieces: list[Piece]) -> bytes:
    """Return what decides on the structure: all but lengths and values."""
    return b"".join(head[p.at : p.at + p.head_length if p.head_length else p.end] for p in pieces)


def _template(sample: Sample, pieces: list[Piece], differing: set[int]) -> Template | None:
    """Return the template of headers that differ in some pieces, None where there can be none."""
    n_meta = sum(piece.at < sample.dataset for piece in pieces)
    wanted = [piece.slot for piece in pieces if piece.slot is not None and piece.slot >= 0]
    if len(pieces) <= n_meta or n_meta in differing or len(set(wanted)) < len(wanted):
        return None
    if any(_is_fixed(sample.dialect, pieces[index]) for index in differing):
        return None
    end = pieces[-1].end
    pixels = _pixel_mark(sample, end)
    meta = _section(sample, pieces, range(n_meta), differing, b"")
    data = _section(sample, pieces, range(n_meta, len(pieces)), differing, pixels)
    slots = bytes(
        slot
        for index in sorted(differing)
        if (slot := pieces[index].slot) is not None and slot >= 0
    )
    values = tuple(sample.values[:N_SLOTS])
    return Template(
        meta=meta,
        data=data,
        dialect=sample.dialect,
        shared=SharedValues(values, slots, deep=sample.values[N_SLOTS] is not None),
        media_class=sample.media_class,
        pixel_mark=pixels,
        head_length=head_length_for(end),
    )


def _is_fixed(dialect: el.Dialect, piece: Piece) -> bool:
    """Whether a template cannot do with different values of an element."""
    is_sign_unknown = piece.slot == _PADDING and not dialect.explicit
    return piece.tag in _FIXED or not piece.head_length or is_sign_unknown


def _section(
    sample: Sample, pieces: list[Piece], indices: range, differing: set[int], tail: bytes
) -> Section:
    head = sample.head
    steps: list[Step] = []
    start = pieces[indices.start].at if indices.start else PREFIX_OFFSET
    for index in indices:
        if index in differing:
            piece = pieces[index]
            literal = head[start : piece.at + piece.head_length]
            steps.append((literal, len(literal), piece.width, _action(sample.dialect, piece)))
            start = piece.end
    end = pieces[indices[-1]].end if indices else start
    return Section(tuple(steps), head[start:end] + tail)


def _action(dialect: el.Dialect, piece: Piece) -> str | None:
    """Return what to do with a value, as `Stepper` does."""
    if piece.slot is None or piece.slot < 0:
        if piece.tag == dialect.item:
            return ELEMENTS
        return ITEMS if is_nesting(dialect, piece.tag, piece.vr) else None
    is_known = piece.vr not in (0, dialect.un)
    if piece.vr not in dialect.text_vrs and (is_known or piece.slot in el.NUMBER_SLOTS):
        return dialect.number_vrs.get(piece.vr, dialect.number_vrs[dialect.un])
    return NAME if piece.slot in el.NAME_SLOTS else TEXT


def _pixel_mark(sample: Sample, end: int) -> bytes:
    """Return tag and VR of the pixel data where it begins at `end`, b"" where it does not."""
    head, dialect = sample.head, sample.dialect
    if end + 12 > len(head):
        return b""
    tag, _, value, _ = el.element(dialect, head, end)
    length_width = 4 if not dialect.explicit or value - end == 12 else 2
    is_pixels = dialect.wanted.get(tag) == el.PIXELS and length_width == 4
    return head[end : value - 4] if is_pixels else b""
