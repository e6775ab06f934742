"""Whether bytes spell a value by chance, as those of pixels may."""

from __future__ import annotations

from typing import Final

#: Bytes on either side by which the kind of data is judged.
_NEAR: Final = 2048
#: So many megabytes, and values that are looked for, may a study have: what is still less likely
#: than this in the whole of it is no chance.
_PLACES: Final = 1e11
_UNLIKELY: Final = 1e-3
_CASE: Final = 0x20
_ALPHABET: Final = 256


def by_chance(data: bytes, position: int, length: int) -> bool:
    """Whether random data with the bytes that stand around may well hold these.

    Letters in noise of few values are likely, in zeros or among compressed pixels they are not if
    there are enough of them.
    """
    start, stop = max(0, position - _NEAR), position + length
    near = data[start:position] + data[stop : stop + _NEAR]
    likely = _PLACES
    for byte in data[position:stop]:
        n = near.count(byte)
        if chr(byte).isalpha() and byte < 0x80:
            n += near.count(byte ^ _CASE)
        likely *= min(1.0, (n + 1) / (len(near) + _ALPHABET))
        if likely < _UNLIKELY:
            return False
    return True
