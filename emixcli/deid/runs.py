"""The elements of a data set, read with pydicom in runs, so that few are held at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, Final, NamedTuple, cast

from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filereader import data_element_generator
from pydicom.tag import BaseTag

#: Values above this are not read as a whole.
LARGE: Final = 1 << 17
UNDEFINED: Final = 0xFFFFFFFF
_CHARACTER_SET: Final = 0x00080005
_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_BIG: Final = b"\xff\xfe\xe0\x00"
_DELIMITER: Final = b"\xfe\xff\xdd\xe0"
_DELIMITER_BIG: Final = b"\xff\xfe\xe0\xdd"
#: Of a run: with what pydicom takes for an element beside its value.
_RUN: Final = 1 << 18
_ELEMENT: Final = 256

Element = DataElement | RawDataElement
_Stop = Callable[[BaseTag, str | None, int], bool]


class Encoding(NamedTuple):
    """How a data set is written."""

    implicit: bool
    little: bool


class Head(NamedTuple):
    """An element whose value was not read.

    Parameters
    ----------
    at
        Where the value begins.
    end
        Where it ends; None for a sequence that ends with a delimiter.
    """

    tag: int
    vr: str | None
    at: int
    length: int
    end: int | None
    encoding: Encoding

    def element(self) -> RawDataElement:
        """Return it as pydicom does, without its value."""
        return RawDataElement(
            BaseTag(self.tag), self.vr, self.length, None, self.at, *self.encoding
        )


class Run(NamedTuple):
    """Some elements of a data set.

    Parameters
    ----------
    elements
        By tag; of those with one tag the last.
    large
        What comes behind them, the file standing at its value.
    """

    elements: dict[int, Element]
    large: Head | None


def iter_runs(file: BinaryIO, encoding: Encoding, end: int | None) -> Iterator[Run]:
    """Yield the elements of a data set from where the file stands: a small one is one run.

    The file must stand behind a large value without an end when the next run is asked for.

    Parameters
    ----------
    end
        Where the data set ends; None: with a delimiter or with the file.

    Raises
    ------
    Exception
        Of pydicom, or since what tells the encoding is large.
    """
    elements: dict[int, Element] = {}
    size = 0
    stopped: list[Head] = []
    stop = _stop_at_large(file, encoding, stopped)
    while True:
        for element in _elements(file, encoding, end, stop):
            if element.value is None and element.length == UNDEFINED:
                # No sequence; its end was searched for.
                after = file.tell()
                yield Run(elements, _skipped(element, after - 8, encoding))
                elements, size = {}, 0
                file.seek(after)
                continue
            elements[element.tag] = element
            size += _ELEMENT + len(element.value or b"")
            if size > _RUN:
                yield Run(elements, None)
                elements, size = {}, 0
        if not stopped:
            break
        head = stopped.pop()
        file.seek(head.at)
        yield Run(elements, head)
        elements, size = {}, 0
        if head.end is not None:
            file.seek(head.end)
    if elements:
        yield Run(elements, None)


def _stop_at_large(file: BinaryIO, encoding: Encoding, stopped: list[Head]) -> _Stop:
    """Return what makes pydicom stop at a large value or a sequence that may be, and tells it."""

    def stop(tag: BaseTag, vr: str | None, length: int) -> bool:
        if length <= LARGE:
            return False
        if tag == _CHARACTER_SET:
            raise ValueError
        at = file.tell()
        if length != UNDEFINED:
            stopped.append(Head(tag, vr, at, length, at + length, encoding))
        elif _is_sequence(file, tag, vr, encoding):
            stopped.append(Head(tag, vr, at, length, None, encoding))
        return bool(stopped)

    return stop


def _elements(
    file: BinaryIO, encoding: Encoding, end: int | None, stop: _Stop
) -> Iterator[RawDataElement]:
    """Yield what pydicom finds before a data set ends or `stop` says so."""
    # What it would give as something else are sequences of undefined length: at them it stops.
    found = cast("Iterator[RawDataElement]", data_element_generator(file, *encoding, stop, LARGE))
    if end is None:
        yield from found
        return
    while file.tell() < end:
        element = next(found, None)
        if element is None:
            return
        yield element


def iter_items(
    file: BinaryIO, encoding: Encoding, end: int | None
) -> Iterator[tuple[Encoding, int | None]]:
    """Yield how each item of a sequence is written and where it ends, the file standing at it.

    Raises
    ------
    EOFError
        If the file ends before the sequence.
    """
    while end is None or file.tell() < end:
        head = file.read(8)
        if len(head) < 8:
            raise EOFError
        if head[:4] == (_DELIMITER if encoding.little else _DELIMITER_BIG):
            return
        length = int.from_bytes(head[4:], "little" if encoding.little else "big")
        start = file.tell()
        implicit = encoding.implicit or is_implicit(file, default=False)
        yield encoding._replace(implicit=implicit), None if length == UNDEFINED else start + length


def is_implicit(file: BinaryIO, *, default: bool) -> bool:
    """Whether the element at which the file stands has no VR."""
    start = file.tell()
    vr = file.read(6)[4:]
    file.seek(start)
    return default if len(vr) < 2 else not all(0x40 < byte < 0x5B for byte in vr)


def has_items(file: BinaryIO, *, little: bool = True) -> bool:
    """Whether an item begins where the file stands."""
    start = file.tell()
    tag = file.read(4)
    file.seek(start)
    return tag == (_ITEM if little else _ITEM_BIG)


def _is_sequence(file: BinaryIO, tag: int, vr: str | None, encoding: Encoding) -> bool:
    """Whether a value of undefined length is one, judged as pydicom does."""
    if vr is None:
        try:
            return dictionary_VR(tag) == "SQ"
        except KeyError:
            return has_items(file, little=encoding.little)
    return vr in {"SQ", "UN"}


def _skipped(element: RawDataElement, end: int, encoding: Encoding) -> Head:
    at = element.value_tell
    return Head(element.tag, element.VR, at, element.length, end, encoding)
