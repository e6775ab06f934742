"""Stepping through sequences and items, one item, delimiter or element at a time (PS3.5 7.5)."""

from __future__ import annotations

from emixcli.media import elements as el

#: Readers that open sequences by recursion fail far deeper than any real object goes.
MAX_DEPTH = 64
#: A value that is copied costs as much as a step for so many bytes.
_STEP_LENGTH = 8192
#: The least element, and the zeros that may be behind the bytes of a file or value.
_AHEAD = 8 + 12


class Walk:
    """What was found inside sequences, and how many steps may still be taken there.

    Attributes
    ----------
    codes
        As in `header.Header`: `S15` where something is not closed, not filled, or out of place.
    left
        Steps; below 1, no more should be taken, and what was not looked at is taken as right.
    """

    __slots__ = ("codes", "left")

    def __init__(self, left: int, codes: set[str] | None = None) -> None:
        self.left = left
        self.codes: set[str] = set() if codes is None else codes


def step(
    stack: list[tuple[el.Dialect, bool]], data: bytes, at: int, walk: Walk, depth: int = 0
) -> int:
    """Take one item, delimiter or some elements inside open sequences; return the bytes passed.

    What stands where it must not is passed over, and `S15` is added to the codes; also where an
    item or sequence of known length, if all of it is there, is not filled by what is in it.
    """
    walk.left -= 1
    dialect, is_sequence = stack[-1]
    if not is_sequence and (passed := _length_of_plain(dialect, data, at, walk)):
        return passed
    length: int
    tag, length = dialect.plain.unpack_from(data, at)
    if tag == dialect.item:
        if length != el.UNDEFINED:
            if length:
                value = data[at + 8 : at + 8 + length]
                if len(value) == length and not is_closed(
                    dialect, value, walk, is_sequence=False, depth=depth + len(stack)
                ):
                    walk.codes.add("S15")
            return 8 + length
        stack.append((dialect, False))
    elif tag == dialect.sequence_end:
        while stack and not stack[-1][1]:  # an item that was not closed
            walk.codes.add("S15")
            stack.pop()
        del stack[-1:]
    elif tag == dialect.item_end:
        if is_sequence:
            walk.codes.add("S15")
        else:
            stack.pop()
    else:
        return _step_over(stack, data, at, walk, depth)
    return 8


def _length_of_plain(dialect: el.Dialect, data: bytes, at: int, walk: Walk) -> int:
    """Return the length of the plain elements that begin here: those that hold no others."""
    begin, last = at, len(data) - _AHEAD
    n_elements = 0
    if dialect.explicit:
        head, short = dialect.head.unpack_from, dialect.short_vrs
        while at <= last:
            _, vr, length = head(data, at)
            if vr not in short:
                break
            at += 8 + length
            n_elements += 1
    else:
        head, wanted = dialect.plain.unpack_from, dialect.wanted.get
        while at <= last:
            tag, length = head(data, at)
            if length == el.UNDEFINED or wanted(tag, 0) < el.DEEP:
                break
            at += 8 + length
            n_elements += 1
    walk.left -= n_elements
    return at - begin


def _step_over(
    stack: list[tuple[el.Dialect, bool]], data: bytes, at: int, walk: Walk, depth: int
) -> int:
    """Take an element, as `step`."""
    dialect, is_sequence = stack[-1]
    if is_sequence:
        walk.codes.add("S15")
    tag, vr, value, length = el.element(dialect, data, at)
    if length != el.UNDEFINED:
        if is_nesting(dialect, tag, vr):
            raw = data[value : value + length]
            if len(raw) == length and not is_closed(dialect, raw, walk, depth=depth + len(stack)):
                walk.codes.add("S15")
        return value - at + length
    if dialect.explicit and vr not in dialect.long_vrs:
        walk.codes.add("S15")
    stack.append((el.IMPLICIT_LITTLE if vr == dialect.un and vr else dialect, True))
    return value - at


def is_closed(
    dialect: el.Dialect, data: bytes, walk: Walk, *, is_sequence: bool = True, depth: int = 0
) -> bool:
    """Whether items fill a sequence of known length, or elements an item (PS3.5 section 7.5).

    Parameters
    ----------
    data
        A value.
    walk
        Gives the steps; its codes are left alone.
    is_sequence
        Whether it is that of a sequence, not of an item.
    depth
        How many sequences and items are around it.
    """
    stack = [(dialect, is_sequence)]
    around, walk.codes = walk.codes, set()
    walk.left -= 2 + len(data) // _STEP_LENGTH
    at, end = 0, len(data)
    data += bytes(12)
    while at + 8 <= end and stack and not walk.codes and walk.left > 0:
        if depth + len(stack) > MAX_DEPTH:
            walk.codes.add("S10")
            break
        at += step(stack, data, at, walk, depth)
    found, walk.codes = walk.codes, around
    return not found and (walk.left <= 0 or (at == end and len(stack) <= 1))


def is_nesting(dialect: el.Dialect, tag: int, vr: int) -> bool:
    """Whether an element is a sequence by its VR, or where it has none by its tag."""
    if dialect.explicit:
        return vr == dialect.sq
    return dialect.wanted.get(tag) in (el.SEQUENCE, el.DEEP_SEQUENCE)
