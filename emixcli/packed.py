"""Header values of many instances in little memory.

The instances of a series have most values in common. These are held once, in `SharedValues`; what
is an instance's own is one text with its parts between separators. That is a tenth of a tuple of
all values, and 100,000 instances fit into a few tens of megabytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

Value = str | int | None
#: Own values behind a name; a tuple where a value holds one of the marks below.
Packed = str | tuple[Value, ...]

_BREAK: Final = "\x1f"
_NUMBER: Final = "\x1e"
_ABSENT: Final = "\x1d"
_MARKS: Final = (_NUMBER, _ABSENT)


class SharedValues:
    """Values that instances have in common.

    Attributes
    ----------
    values
        One for each of `model.KEYWORDS`.
    slots
        Positions whose value is each instance's own, and not the one in `values`.
    deep
        As in `model.Instance`.
    """

    __slots__ = ("deep", "slots", "values")

    def __init__(self, values: tuple[Value, ...], slots: bytes = b"", *, deep: bool) -> None:
        self.values = values
        self.slots = slots
        self.deep = deep

    def with_own(self, own: Sequence[Value]) -> tuple[Value, ...]:
        """Return all values of the instance whose own ones are `own`."""
        if not own:
            return self.values
        values = list(self.values)
        for slot, value in zip(self.slots, own, strict=True):
            values[slot] = value
        return tuple(values)


def pack(name: str, own: Sequence[Value]) -> Packed:
    """Return a name and values as one object."""
    try:
        packed = _BREAK.join((name, *own))  # type: ignore[arg-type]  # see below
    except TypeError:  # a number, or an absent value
        texts = [name, *(value for value in own if isinstance(value, str))]
        if any(mark in text for text in texts for mark in (_BREAK, _NUMBER, _ABSENT)):
            return (name, *own)
        return _BREAK.join((name, *map(_marked, own)))
    if packed.count(_BREAK) != len(own) or _NUMBER in packed or _ABSENT in packed:
        return (name, *own)
    return packed


def _marked(value: Value) -> str:
    if value is None:
        return _ABSENT
    return value if isinstance(value, str) else f"{_NUMBER}{value}"


def name_of(packed: Packed) -> str:
    """Return the name that was packed."""
    return packed.partition(_BREAK)[0] if isinstance(packed, str) else str(packed[0])


def unpack(packed: Packed) -> Sequence[Value]:
    """Return the values that were packed."""
    if not isinstance(packed, str):
        return packed[1:]
    parts = packed.split(_BREAK)[1:]
    if _NUMBER in packed or _ABSENT in packed:
        return [_unmarked(part) for part in parts]
    return parts


def unpack_one(packed: Packed, index: int) -> Value:
    """Return one of the values that were packed."""
    if not isinstance(packed, str):
        return packed[index + 1]
    return _unmarked(packed.split(_BREAK, index + 2)[index + 1])


def _unmarked(part: str) -> Value:
    if part.startswith(_MARKS):
        return int(part[1:]) if part[0] == _NUMBER else None
    return part
