"""Headers of one series are nearly equal: what is the same in them is compared, not parsed.

A template is the bytes that headers have in common, cut where an element has a value of its own.
Where a file has the same tags, value representations and undefined lengths in the same order, it
has the same elements, since stepping through a data set depends on nothing but these; each of them
is compared. A header that differs is parsed, so a template that does not fit costs time and never
changes a result.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.media import elements as el
from emixcli.media.charset import joined
from emixcli.media.stepping import is_closed, number_of
from emixcli.media.window import MAX_VALUE

if TYPE_CHECKING:
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

#: Bytes to compare, up to the length of an element with its own value; their number; the width of
#: the length; what to do with the value, None to step over it.
Step = tuple[bytes, int, int, str | None]


class Section(NamedTuple):
    """The meta group, or the data set: steps, and bytes to compare behind the last one."""

    steps: tuple[Step, ...]
    tail: bytes

    def match(self, head: bytes, at: int, own: list[Value], dialect: el.Dialect) -> int:
        """Compare a header from `at` on; return where the section ends in it, or -1.

        Parameters
        ----------
        own
            Takes the values that are the header's own.

        Raises
        ------
        UnicodeDecodeError
            Where a text is not ASCII.
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
            if action is not None:
                if not action:
                    text = head[at : at + length].decode("ascii").strip(" \0")
                    if "\x1b" in text:
                        return -1
                    own.append(joined(text) if "\\" in text else text)
                elif action not in _NESTED:
                    own.append(_value(head[at : at + length], action))
                elif not is_closed(dialect, head[at : at + length], is_sequence=action == ITEMS):
                    return -1
            if length > MAX_VALUE and (action is not None or length == el.UNDEFINED):
                return -1
            at += length
        return at + len(self.tail) if is_next(self.tail, at) else -1


def _value(raw: bytes, action: str) -> Value:
    if action != NAME:
        return number_of(raw, action)
    # An escape sequence is made what is no ASCII: other character sets are for the parser.
    return joined(raw.replace(b"\x1b", b"\xff").decode("ascii")).rstrip("=")


class Matched(NamedTuple):
    """What a template says of a header.

    Attributes
    ----------
    dataset
        Where the data set begins.
    end
        Where the template ends: at the length of the pixel data, or between two elements.
    """

    dataset: int
    end: int
    own: list[Value]


class Template(NamedTuple):
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

    def match(self, head: bytes) -> Matched | None:
        """Return what can be told of a header; None where it is to be parsed."""
        own: list[Value] = []
        try:
            dataset = self.meta.match(head, PREFIX_OFFSET, own, el.EXPLICIT_LITTLE)
            end = self.data.match(head, dataset, own, self.dialect) if dataset >= 0 else -1
        except (UnicodeDecodeError, IndexError):  # not ASCII, or longer than the head
            return None
        return Matched(dataset, end, own) if 0 <= end <= len(head) - 4 else None
