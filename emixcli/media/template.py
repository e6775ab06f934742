"""Headers of one series are nearly equal: what was the same in two of them is compared, not parsed.

A template is a list of runs of whole elements with their bytes. Where a file has the same bytes at
the boundary of an element, it has the same elements with the same values there, since stepping
through explicit or implicit elements depends on nothing but their bytes. The elements between runs
are parsed. A run that differs is parsed too, so a template that does not fit costs time and never
changes a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.media import elements as el
from emixcli.media.stepping import (
    AT_UNDEFINED,
    COUNTED,
    MAX_DEPTH,
    N_SLOTS,
    Stepper,
    step,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.model import Value

#: A shorter run is parsed: comparing it costs as much.
_MIN_RUN: Final = 4
_MAX_TEMPLATES: Final = 4
_MAX_BACKOFF: Final = 64
#: These decide how others are read. Where one differs, there is no template.
_FIXED: Final = frozenset({0x00020002, 0x00020010, 0x00080005, 0x00280103})
_DECIDING: Final = (el.SLOTS["SpecificCharacterSet"], el.SLOTS["PixelRepresentation"])
_SYNTAX: Final = el.SLOTS["TransferSyntaxUID"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A header that was read, with the bytes that it was read from."""

    head: bytes
    offset: int
    dataset: int
    dialect: el.Dialect
    values: list[Value]
    media_class: str


@dataclass(frozen=True, slots=True)
class _Part:
    """A run of equal elements, then elements to parse.

    Attributes
    ----------
    n_equal
        Elements in `raw`, parsed if the bytes differ.
    slots
        Attributes whose values the run holds.
    begins_dataset
        Whether the run is the first of the data set, behind the meta group.
    n_open
        Elements to parse behind the run.
    is_undefined
        Whether one more follows that is a sequence of undefined length.
    """

    raw: bytes
    n_equal: int
    slots: tuple[int, ...]
    begins_dataset: bool
    n_open: int
    is_undefined: bool


@dataclass(frozen=True, slots=True)
class Template:
    """What the headers of a series have in common."""

    offset: int
    dialect: el.Dialect
    values: list[Value]
    media_class: str
    parts: tuple[_Part, ...]
    length: int  # of heads that it covers: those it was made from, or all if up to the pixels

    def fits(self, head: bytes) -> bool:
        """Whether a header may be read with this template at all."""
        return head.startswith(self.parts[0].raw, self.offset)

    def agrees(self, file: Stepper) -> bool:
        """Whether what decides on the meaning of other attributes is as in the template."""
        return all(file.values[slot] == self.values[slot] for slot in _DECIDING)

    def follow(self, file: Stepper) -> tuple[bool, int]:
        """Read a header up to where the template ends or no longer applies.

        Returns
        -------
        bool
            Whether meta group and dialect are known now; else nothing was read.
        int
            How many runs differed.
        """
        data = file.window.data
        file.values = self.values.copy()
        n_different = 0
        has_begun = False
        run = file.run
        for number, part in enumerate(self.parts):
            at = file.offset
            if data.startswith(part.raw, at):
                file.offset = at + len(part.raw)
                if part.begins_dataset:
                    has_begun = True
                    file.dataset = at
                    file.dialect = self.dialect
                    file.media_class = self.media_class
            elif not has_begun:
                return False, len(self.parts)
            else:
                n_different += 1
                _forget(file, (part,))
                if run(part.n_equal) != COUNTED:
                    _forget(file, self.parts[number + 1 :])
                    return True, n_different
            if (part.n_open and run(part.n_open) != COUNTED) or (
                part.is_undefined and not _pass_sequence(file)
            ):
                _forget(file, self.parts[number + 1 :])
                return has_begun, n_different + 1
        return True, n_different


class Templates:
    """The templates of the last few series, learnt while headers are read."""

    def __init__(self) -> None:
        self._templates: list[Template] = []
        self._previous: Sample | None = None
        self._is_hit = False
        self._wait = 0
        self._backoff = 1

    def follow(self, file: Stepper, offset: int) -> bool:
        """Read a header by a template; False where none applies and nothing was read."""
        self._is_hit = False
        data = file.window.data
        for template in self._templates:
            if template.offset == offset and template.fits(data):
                has_begun, n_different = template.follow(file)
                if has_begun and template.agrees(file):
                    # One that was made from shorter heads is made again once.
                    is_long = template.length >= len(data)
                    self._is_hit = is_long and n_different * 4 <= len(template.parts)
                    return True
                file.reset(offset)
        return False

    def keep(self, file: Stepper, head: bytes, offset: int) -> None:
        """Learn from a header that was read, if no template fitted it well.

        Two such headers make a template; where templates do not help, fewer and fewer are made.
        """
        if self._is_hit:
            self._backoff, self._wait = 1, 0
            return
        sample = Sample(head, offset, file.dataset, file.dialect, file.values, file.media_class)
        if self._wait:
            self._wait -= 1
        elif self._previous is not None:
            self._wait = self._backoff
            self._backoff = min(2 * self._backoff, _MAX_BACKOFF)
            template = learn(self._previous, sample)
            if template is not None:
                self._templates = [template, *self._templates[: _MAX_TEMPLATES - 1]]
        self._previous = sample


def _pass_sequence(file: Stepper) -> bool:
    """Move behind a sequence of undefined length; False if there is none, or the window moved."""
    return file.run(1) == AT_UNDEFINED and file.skip_undefined() and not file.window.base


def _forget(file: Stepper, parts: tuple[_Part, ...]) -> None:
    """Take back the values of runs that were not met."""
    for part in parts:
        for slot in part.slots:
            file.values[slot] = None


# -- learning ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Element:
    tag: int  # as in PS3.6
    raw: bytes
    slot: int | None
    is_undefined: bool
    begins_dataset: bool


def learn(first: Sample, second: Sample) -> Template | None:
    """Return what two headers have in common, None where that is of no use."""
    if first.dialect is not second.dialect or not second.dialect.little:
        return None
    known = {element.tag: element.raw for element in _elements(first)}
    parts: list[_Part] = []
    equal: list[_Element] = []
    pending: list[_Element] = []
    slots: set[int] = set()
    elements = list(_elements(second))
    for element in [*elements, None]:
        if element is not None and element.tag in _FIXED and known.get(element.tag) != element.raw:
            return None
        starts = element is not None and element.begins_dataset
        if starts and known.get(element.tag) != element.raw:  # type: ignore[union-attr]
            return None
        is_equal = element is not None and known.get(element.tag) == element.raw
        ends_part = element is None or starts or (is_equal and bool(pending))
        if ends_part and (equal or pending):
            _close(parts, equal, pending, slots)
            equal, pending = [], []
        if element is None:
            break
        (equal if is_equal else pending).append(element)
        if element.is_undefined and not is_equal:
            _close(parts, equal, pending, slots)
            equal, pending = [], []
    end = second.offset + sum(len(element.raw) for element in elements)
    return _template(second, parts, slots, end)


def _close(
    parts: list[_Part], equal: list[_Element], pending: list[_Element], slots: set[int]
) -> None:
    """Add a part; a short run joins the elements to parse of the part before."""
    begins = bool(equal) and equal[0].begins_dataset
    is_undefined = bool(pending) and pending[-1].is_undefined
    n_open = len(pending) - is_undefined
    is_kept = begins or any(e.is_undefined or e.tag in _FIXED for e in equal)
    if len(equal) < _MIN_RUN and not is_kept and parts and not parts[-1].is_undefined:
        last = parts.pop()
        parts.append(
            _Part(
                last.raw,
                last.n_equal,
                last.slots,
                last.begins_dataset,
                last.n_open + len(equal) + n_open,
                is_undefined,
            )
        )
        return
    own = tuple(e.slot for e in equal if e.slot is not None and e.slot >= 0)
    own += (N_SLOTS,) if any(e.slot == el.DEEP for e in equal) else ()
    slots.update(own)
    raw = b"".join(element.raw for element in equal)
    parts.append(_Part(raw, len(equal), own, begins, n_open, is_undefined))


def _template(sample: Sample, parts: list[_Part], slots: set[int], end: int) -> Template | None:
    if _SYNTAX not in slots or not parts[0].raw or not any(p.begins_dataset for p in parts):
        return None
    values = [value if slot in slots else None for slot, value in enumerate(sample.values)]
    length = len(sample.head)
    if end + 12 <= length:
        tag = el.element(sample.dialect, sample.head, end)[0]
        length = 2**62 if sample.dialect.wanted.get(tag) == el.PIXELS else length
    return Template(sample.offset, sample.dialect, values, sample.media_class, tuple(parts), length)


def _elements(sample: Sample) -> Iterator[_Element]:
    """Yield the elements that lie wholly in the head, up to the pixel data."""
    data, at = sample.head, sample.offset
    last = len(data) - 12
    while at <= last:
        dialect = el.EXPLICIT_LITTLE if at < sample.dataset else sample.dialect
        tag, vr, value, length = el.element(dialect, data, at)
        slot = dialect.wanted.get(tag)
        if slot in (el.PIXELS, el.ZERO):
            return
        is_undefined = length == el.UNDEFINED
        end = _end_of_sequence(dialect, data, at, vr) if is_undefined else value + length
        if end is None or end > last:
            return
        yield _Element(dialect.swap(tag), data[at:end], slot, is_undefined, at == sample.dataset)
        at = end


def _end_of_sequence(dialect: el.Dialect, data: bytes, at: int, vr: int) -> int | None:
    is_unknown = dialect.explicit and vr == dialect.un
    stack = [(el.IMPLICIT_LITTLE if is_unknown else dialect, True)]
    at = el.element(dialect, data, at)[2]
    while stack:
        if at > len(data) - 12 or len(stack) > MAX_DEPTH:
            return None
        at += step(stack, data, at)
    return at
