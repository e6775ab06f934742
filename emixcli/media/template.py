"""Headers of one series are nearly equal: what is the same in them is compared, not parsed.

A template is the bytes that headers have in common, cut where an element has a value of its own.
Where a file has the same tags, value representations and undefined lengths in the same order, it
has the same elements, since stepping through a data set depends on nothing but these; each of them
is compared. A header that differs is parsed, so a template that does not fit costs time and never
changes a result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.media import elements as el
from emixcli.media.charset import joined
from emixcli.media.sequences import Walk, is_closed, is_nesting
from emixcli.media.stepping import number_of
from emixcli.media.window import MAX_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.model import Value
    from emixcli.packed import SharedValues

#: Where the meta group begins: behind preamble and prefix.
META_OFFSET: Final = 132
#: Where templates begin: at the prefix.
PREFIX_OFFSET: Final = 128
#: What a step does with a value, beside the codes of numbers for `struct`.
TEXT: Final = ""
NAME: Final = "="
ITEMS: Final = "["
ELEMENTS: Final = "("
_NESTED: Final = (ITEMS, ELEMENTS)
_TEXTS: Final = (TEXT, NAME)
#: Layouts of a template that are kept.
_MAX_LAYOUTS: Final = 8
#: Steps inside a sequence that is not compared; a header with more of them is parsed.
_MAX_STEPS: Final = 2048

#: Bytes to compare, up to the length of an element with its own value; their number; the width of
#: the length; what to do with the value, None to step over it.
Step = tuple[bytes, int, int, str | None]
#: A value in a header: where it begins and ends, and what to do with it.
Place = tuple[int, int, str | None]


class Section(NamedTuple):
    """The meta group, or the data set: steps, and bytes to compare behind the last one."""

    steps: tuple[Step, ...]
    tail: bytes

    def match(self, head: bytes, at: int, places: list[Place], dialect: el.Dialect) -> int:
        """Compare a header from `at` on; return where the section ends in it, or -1.

        Parameters
        ----------
        places
            Takes those of the values that are not compared.

        Raises
        ------
        IndexError
            Where the head ends before the section.
        """
        is_next, from_bytes = head.startswith, int.from_bytes
        for literal, n, width, action in self.steps:
            if not is_next(literal, at):
                return -1
            at += n
            if width == 2:
                length = head[at] | head[at + 1] << 8
            else:
                length = from_bytes(head[at : at + 4], "little")
            at += width
            if length > MAX_VALUE and (action is not None or length == el.UNDEFINED):
                return -1
            if action in _NESTED:
                walk = Walk(_MAX_STEPS)
                value = head[at : at + length]
                is_filled = is_closed(dialect, value, walk, is_sequence=action == ITEMS)
                if not is_filled or walk.left <= 0:
                    return -1
            places.append((at, at + length, action))
            at += length
        return at + len(self.tail) if is_next(self.tail, at) else -1


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where everything is in headers whose values are equally long: no stepping through them.

    Attributes
    ----------
    dataset
        Where the data set begins.
    end
        Where the template ends: at the length of the pixel data, or between two elements.
    values
        Places of the values that are the header's own.
    fixed
        All other bytes, and where they are.
    """

    dataset: int
    end: int
    values: list[tuple[int, int, str]]
    fixed: list[tuple[bytes, int]] = field(default_factory=list)

    def fits(self, head: bytes) -> bool:
        """Whether another header has the same bytes at the same places."""
        is_there = head.startswith
        for fixed, at in self.fixed:
            if not is_there(fixed, at):
                return False
        return self.end <= len(head) - 4

    def own(self, head: bytes) -> list[Value] | None:
        """Return the values that are a header's own, None where a text is for the parser."""
        own: list[Value] = []
        for start, stop, action in self.values:
            raw = head[start:stop]
            if action not in _TEXTS:
                own.append(number_of(raw, action))
                continue
            if not raw.isascii() or b"\x1b" in raw:  # of other character sets
                return None
            text = raw.decode("ascii").rstrip(" \0").lstrip(" ")
            if "\\" in text:
                text = joined(text)
            own.append(text.rstrip("=") if action else text)
        return own


class Matched(NamedTuple):
    """What a template says of a header; `dataset` and `end` as in `Layout`."""

    dataset: int
    end: int
    own: list[Value]


@dataclass(slots=True, eq=False)
class Template:
    """What the headers of a series have in common.

    Attributes
    ----------
    pixel_mark
        Tag and VR of the pixel data, if it goes as far as their length; else empty.
    head_length
        How many bytes to read of a file like this.
    """

    meta: Section
    data: Section
    dialect: el.Dialect
    shared: SharedValues
    media_class: str
    pixel_mark: bytes
    head_length: int
    _layouts: list[Layout] = field(default_factory=list)  # the last one used first
    _seen: dict[tuple[Place, ...], bytes] = field(default_factory=dict)

    def match(self, head: bytes) -> Matched | None:
        """Return what can be told of a header; None where it is to be parsed."""
        layout = self._known(head) or self._step(head)
        own = layout.own(head) if layout is not None else None
        return None if layout is None or own is None else Matched(layout.dataset, layout.end, own)

    def _known(self, head: bytes) -> Layout | None:
        for layout in self._layouts:
            if layout.fits(head):
                if layout is not self._layouts[0]:
                    self._layouts.remove(layout)
                    self._layouts.insert(0, layout)
                return layout
        return None

    def _step(self, head: bytes) -> Layout | None:
        """Return the layout of a header, which is kept where an earlier one had the same."""
        places: list[Place] = []
        try:
            dataset = self.meta.match(head, PREFIX_OFFSET, places, el.EXPLICIT_LITTLE)
            end = self.data.match(head, dataset, places, self.dialect) if dataset >= 0 else -1
        except IndexError:  # longer than the head
            return None
        if not 0 <= end <= len(head) - 4:
            return None
        values = [
            (start, stop, action)
            for start, stop, action in places
            if action is not None and action not in _NESTED
        ]
        earlier = self._seen.pop(tuple(places), None)
        if earlier is None:
            if len(self._seen) >= _MAX_LAYOUTS:
                del self._seen[next(iter(self._seen))]
            self._seen[tuple(places)] = head
            return Layout(dataset, end, values)
        gaps = list(_gaps(head, earlier, places, self.dialect))
        starts = (PREFIX_OFFSET, *(stop for _, stop in gaps))
        stops = (*(start for start, _ in gaps), end)
        fixed = [(head[a:b], a) for a, b in zip(starts, stops, strict=True)]
        layout = Layout(dataset, end, values, fixed)
        self._layouts = [layout, *self._layouts[: _MAX_LAYOUTS - 1]]
        return layout


def _gaps(
    head: bytes, earlier: bytes, places: list[Place], dialect: el.Dialect
) -> Iterator[tuple[int, int]]:
    """Yield which bytes may differ between headers with the same places.

    Parameters
    ----------
    earlier
        A header with the same places.
    """
    for start, stop, action in places:
        if action not in _NESTED:
            yield start, stop
            continue
        for first, last in _inner_values(dialect, head, start, stop):
            if head[first:last] != earlier[first:last]:
                yield first, last


def _inner_values(dialect: el.Dialect, data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where values are in a sequence or item that `is_closed`.

    What is not yielded decides on where all of them are.
    """
    marks = (dialect.item, dialect.item_end, dialect.sequence_end)
    while at + 8 <= end:
        tag, vr, value, length = el.element(dialect, data, at)
        if dialect.plain.unpack_from(data, at)[0] in marks:
            at += 8
        elif length == el.UNDEFINED and dialect.explicit and vr == dialect.un:
            return  # another encoding inside
        elif length == el.UNDEFINED or is_nesting(dialect, tag, vr):
            at = value
        else:
            yield value, value + length
            at = value + length
