"""Elements that are not held in memory: parts that stand in for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from emixcli.deid import values
from emixcli.deid.parse import Element, vr_of

if TYPE_CHECKING:
    from emixcli.deid.pages import Pages

#: Longer values are not held in memory as a whole.
MAX_HELD: Final = 1024 * 1024
_PART: Final = 256 * 1024
#: The widest number has so many bytes: a part ends as the whole does.
_WIDEST: Final = 8
_DELIMITER: Final = 8


def taken(data: Pages, element: Element) -> tuple[bytes, Element]:
    """Return an element's bytes, and where it stands in them."""
    at = element.start
    near = element._replace(
        start=0, value=element.value - at, end=element.end - at, stop=element.stop - at
    )
    return data[at : element.stop], near


def iter_parts(data: Pages, element: Element) -> Iterator[tuple[bytes, Element]]:
    """Yield elements that stand in for a long one, which is no sequence, each with its bytes.

    It stays as it is where all of them do. Numbers in text are looked at to the end. Of other
    values of more than `MAX_HELD` bytes the begin is enough: text of that length does not stay,
    and bytes are judged by their begin and their number.
    """
    if element.stop - element.start <= MAX_HELD:
        yield taken(data, element)
        return
    head = data[element.start : element.value]
    if element.is_undefined:
        yield _with_value(head, element, b"\1\1", n_behind=_DELIMITER)
    elif vr_of(element.tag, element.vr) in values.DECIMAL_VRS:
        at = element.value
        while at < element.end:
            part = data[at : min(at + _PART, element.end)]
            if at + len(part) < element.end:
                part = part[: part.rfind(b"\\") + 1]
            if not part:  # one of so many digits is no number, and must not be cut in two
                yield _with_value(head, element, b"\1\1")
                return
            at += len(part)
            yield _with_value(head, element, part.removesuffix(b"\\"))
    else:
        n = MAX_HELD + _WIDEST + (element.end - element.value) % _WIDEST
        yield _with_value(head, element, data[element.value : element.value + n])


def _with_value(
    head: bytes, element: Element, value: bytes, *, n_behind: int = 0
) -> tuple[bytes, Element]:
    end = len(head) + len(value)
    near = element._replace(start=0, value=len(head), end=end, stop=end + n_behind)
    return head + value + bytes(n_behind), near
