"""Huffman tables of JPEG, and bit strings looked at from every position at once (ISO 10918-1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.errors import damaged, unsupported

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Words = NDArray[np.uint16]
    Integers = NDArray[np.int32]

#: A bit string is looked at in windows of so many bytes.
WINDOW: Final = 1 << 15


class Table:
    """One Huffman table; codes may be added, which changes no other code.

    Parameters
    ----------
    counts
        How many codes there are of each length from 1 to 16.
    symbols
        What the codes mean, in order.
    """

    def __init__(self, counts: Sequence[int], symbols: bytes) -> None:
        self.counts = list(counts)
        self.symbols = bytearray(symbols)
        self.grown = False
        self.codes = self._make_codes()

    def _make_codes(self) -> dict[int, tuple[int, int]]:
        """Return code and length of each symbol (section C.2)."""
        codes: dict[int, tuple[int, int]] = {}
        code = index = 0
        for length, count in enumerate(self.counts, 1):
            for _ in range(count):
                if code >= 1 << length or index >= len(self.symbols):
                    raise damaged()
                codes.setdefault(self.symbols[index], (code, length))
                code += 1
                index += 1
            code <<= 1
        return codes

    def code(self, symbol: int) -> tuple[int, int]:
        """Return code and length of a symbol; one that has none gets one.

        A new code follows the last one. The code of ones alone stays unused (section F.1.2.1.2).
        """
        known = self.codes.get(symbol)
        if known is not None:
            return known
        last = max((n for n, count in enumerate(self.counts, 1) if count), default=1)
        code = 1 + max((code for code, length in self.codes.values() if length == last), default=-1)
        for length in range(last, 17):
            if code < (1 << length) - 1:
                self.counts[length - 1] += 1
                self.symbols.append(symbol)
                self.codes[symbol] = (code, length)
                self.grown = True
                return code, length
            code <<= 1
        raise unsupported("a JPEG image whose code table is full")

    def to_bytes(self) -> bytes:
        """Return counts and symbols as they stand in a DHT segment."""
        return bytes(self.counts) + bytes(self.symbols)

    @cached_property
    def lookup(self) -> tuple[Bytes, Bytes]:
        """Length (0: no such code) and symbol of the code that 16 bits begin with."""
        import numpy as np

        lengths = np.zeros(65536, np.uint8)
        symbols = np.zeros(65536, np.uint8)
        code = index = 0
        for length, count in enumerate(self.counts, 1):
            for _ in range(count):
                first = code << (16 - length)
                lengths[first : first + (1 << (16 - length))] = length
                symbols[first : first + (1 << (16 - length))] = self.symbols[index]
                code += 1
                index += 1
            code <<= 1
        return lengths, symbols

    @cached_property
    def dc_steps(self) -> Bytes:
        """Bits of the code that 16 bits begin with and of the difference behind it, 0 if none."""
        import numpy as np

        lengths, symbols = self.lookup
        # A lossless difference of 32768 has no bits behind its code (section H.1.2.2).
        extra = np.where(symbols == 16, 0, symbols)
        return np.where(lengths > 0, lengths + extra, 0).astype(np.uint8)

    @cached_property
    def ac_steps(self) -> Words:
        """As `dc_steps` for coefficients: 256 times those passed, and the bits, 0 if none."""
        import numpy as np

        lengths, symbols = (part.astype(np.uint16) for part in self.lookup)
        size = symbols & 15
        passed = (symbols >> 4) + 1
        passed[(size == 0) & (symbols != 0xF0)] = 64  # the end of the block
        return np.where(lengths > 0, passed << 8 | (lengths + size), 0).astype(np.uint16)


def read_tables(body: bytes) -> list[tuple[int, Table]]:
    """Return class and number (as in the file, in one byte) and table of a DHT segment's body."""
    found = []
    at = 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        size = sum(counts)
        symbols = body[at + 17 : at + 17 + size]
        if len(counts) < 16 or len(symbols) < size:
            raise damaged()
        found.append((body[at], Table(counts, symbols)))
        at += 17 + size
    return found


def peeks(data: bytes, start: int, size: int) -> Words:
    """Return the 16 bits that begin at each bit of `size` bytes; ones follow the data."""
    import numpy as np

    part = data[start : start + size + 2]
    raw = np.frombuffer(part + b"\xff" * (size + 2 - len(part)), np.uint8).astype(np.uint32)
    wide = raw[:-2] << 16 | raw[1:-1] << 8 | raw[2:]
    shifts = np.arange(8, 0, -1, dtype=np.uint32)
    return ((wide[:, None] >> shifts[None, :]) & 0xFFFF).astype(np.uint16).reshape(-1)


def peek_at(data: bytes, positions: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the 16 bits that begin at each position."""
    import numpy as np

    raw = np.frombuffer(data + b"\xff" * 4, np.uint8)
    byte = positions >> 3
    wide = raw[byte].astype(np.uint32) << 16 | raw[byte + 1].astype(np.uint32) << 8 | raw[byte + 2]
    words: NDArray[np.uint32] = (wide >> (8 - (positions & 7)).astype(np.uint32)) & 0xFFFF
    return words


def differences(data: bytes, positions: NDArray[np.int64], table: Table) -> Integers:
    """Return the difference coded at each position (sections F.2.2.1 and H.1.2.2)."""
    import numpy as np

    lengths, symbols = table.lookup
    codes = peek_at(data, positions)
    size = symbols[codes].astype(np.int32)
    following = peek_at(data, positions + lengths[codes])
    bits = np.minimum(size, 15)
    value = (following >> (16 - bits).astype(np.uint32)).astype(np.int32)
    value = np.where(bits == 0, 0, value)
    low = value < (1 << np.maximum(bits - 1, 0))
    value = np.where(low & (bits > 0), value - (1 << bits) + 1, value)
    return np.where(size == 16, 32768, value).astype(np.int32)


def coded_difference(value: int, table: Table) -> tuple[int, int]:
    """Return the bits of a difference, and how many (sections F.1.2.1 and H.1.2.2)."""
    if value == 32768:
        return table.code(16)
    size = abs(value).bit_length()
    code, length = table.code(size)
    extra = value if value >= 0 else value + (1 << size) - 1
    return code << size | extra, length + size
