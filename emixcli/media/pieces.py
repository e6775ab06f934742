"""A header in pieces: elements, and the marks of sequences and items of undefined length."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from emixcli.media import elements as el
from emixcli.media.sequences import MAX_DEPTH
from emixcli.media.template import META_OFFSET

if TYPE_CHECKING:
    from collections.abc import Iterator


class Piece(NamedTuple):
    """An element, or the mark of a sequence or item, with its place in the head.

    Attributes
    ----------
    head_length
        Bytes before the length, 0 where the element has none that may vary.
    width
        Bytes of the length.
    slot
        As in `elements.Dialect.wanted`, None inside a sequence.
    """

    tag: int  # in little endian
    at: int
    end: int
    head_length: int
    width: int
    slot: int | None
    vr: int


def iter_pieces(data: bytes, dataset: int, dialect: el.Dialect) -> Iterator[Piece]:
    """Yield what lies wholly in the head before the pixel data, whole top-level elements only.

    Parameters
    ----------
    data
        Head of a file that was parsed without a finding.
    dataset
        Where its data set begins.
    """
    waiting: list[Piece] = []
    at = META_OFFSET
    last = len(data) - 12
    stack: list[tuple[el.Dialect, bool]] = []
    while at <= last and len(stack) <= MAX_DEPTH:
        if stack:
            piece = _nested_piece(stack, data, at)
        else:
            in_meta = at < dataset
            chosen = el.EXPLICIT_LITTLE if in_meta else dialect
            piece = _element_piece(chosen, data, at, stack, is_top=not in_meta)
            if piece.slot in (el.PIXELS, el.ZERO):
                return
        if piece.end > last:
            return
        waiting.append(piece)
        at = piece.end
        if not stack:
            yield from waiting
            waiting.clear()


def _element_piece(
    dialect: el.Dialect,
    data: bytes,
    at: int,
    stack: list[tuple[el.Dialect, bool]],
    *,
    is_top: bool,
) -> Piece:
    """Return an element, or the mark of a sequence of undefined length, which it opens."""
    tag, vr, value, length = el.element(dialect, data, at)
    slot = dialect.wanted.get(tag) if is_top else None
    if length == el.UNDEFINED:
        if slot != el.PIXELS:
            # UN of undefined length holds implicit little endian (PS3.5 section 6.2.2 note 4).
            stack.append(
                (el.IMPLICIT_LITTLE if dialect.explicit and vr == dialect.un else dialect, True)
            )
        return Piece(tag, at, value, 0, 0, slot, vr)
    width = 4 if not dialect.explicit or value - at == 12 else 2
    head_length = value - at - width
    if dialect.explicit and (not vr or (vr == dialect.un and width == 2)):
        head_length = width = 0  # that it has no VR is told from its length
    return Piece(tag, at, value + length, head_length, width, slot, vr)


def _nested_piece(stack: list[tuple[el.Dialect, bool]], data: bytes, at: int) -> Piece:
    """Return one item, delimiter or element inside open sequences, as `sequences.step` has it."""
    dialect, is_sequence = stack[-1]
    tag, length = dialect.plain.unpack_from(data, at)
    if tag == dialect.item:
        if length != el.UNDEFINED:
            return Piece(tag, at, at + 8 + length, 4, 4, None, 0)
        stack.append((dialect, False))
    elif tag == dialect.sequence_end:
        while not is_sequence:  # an item that was not closed
            stack.pop()
            is_sequence = stack[-1][1]
        stack.pop()
    elif tag == dialect.item_end:
        if not is_sequence:
            stack.pop()
    else:
        return _element_piece(dialect, data, at, stack, is_top=False)
    return Piece(tag, at, at + 8, 0, 0, None, 0)
