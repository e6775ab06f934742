"""Blackening regions of sequential JPEG images without decoding the rest (ISO 10918-1).

Blocks that a region touches become black: their first coefficient is set, the others are dropped.
All other blocks keep their coefficients bit for bit, so that they are never lossily coded again.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from emixcli.deid.pixels.errors import damaged, unsupported
from emixcli.deid.pixels.huffman import Table, read_tables
from emixcli.deid.pixels.markers import SOS, segments, strip_comments
from emixcli.deid.pixels.scan import Component, Scan, blacken_scan

if TYPE_CHECKING:
    from emixcli.deid.pixels.facts import Region

_DHT, _DQT, _DRI = 0xC4, 0xDB, 0xDD
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1})
_MAX_PIXELS: Final = 1 << 28


@dataclass
class Frame:
    """What a SOF segment says."""

    precision: int
    rows: int
    columns: int
    components: list[Component]


class Headers:
    """Tables and the frame header, as they are known while segments pass by."""

    def __init__(self) -> None:
        self.frame: Frame | None = None
        self.tables: dict[int, Table] = {}
        self.steps: dict[int, int] = {}  # first quantisation value by table number
        self.restart = 0
        self.adobe: int | None = None
        self.jfif = False

    def read(self, marker: int, body: bytes) -> None:
        """Take in a segment that is no scan."""
        try:
            if marker == _DQT:
                self._read_quantisation(body)
            elif marker == _DRI:
                (self.restart,) = struct.unpack_from(">H", body)
            elif marker == 0xEE and body.startswith(b"Adobe"):
                self.adobe = body[11]
            elif marker == 0xE0:
                self.jfif = body.startswith(b"JFIF")
            elif marker in _SEQUENTIAL or marker == 0xC3:
                self.frame = read_frame(body)
            elif 0xC0 <= marker < 0xD0 and marker not in {_DHT, 0xC8, 0xCC}:
                raise unsupported("a progressive or arithmetically coded JPEG image")
        except (struct.error, IndexError):
            raise damaged() from None

    def _read_quantisation(self, body: bytes) -> None:
        at = 0
        while at < len(body):
            wide = body[at] >> 4
            self.steps[body[at] & 15] = (
                int.from_bytes(body[at + 1 : at + 3], "big") if wide else body[at + 1]
            )
            at += 129 if wide else 65

    def black(self, photometric: str) -> list[int]:
        """Return the first coefficient of a black block of each component."""
        if self.frame is None:
            raise damaged()
        dark = [-(8 << (self.frame.precision - 1))] * len(self.frame.components)
        if photometric == "MONOCHROME1":
            dark = [-dark[0] - 8]
        if len(dark) == 3 and self._is_ybr(photometric):
            dark[1] = dark[2] = 0
        steps = [self.steps.get(component.table, 0) for component in self.frame.components]
        if not all(steps):
            raise damaged()
        # Away from zero: a decoder clamps what is blacker than black.
        return [
            value // step if value < 0 else -(-value // step)
            for value, step in zip(dark, steps, strict=True)
        ]

    def _is_ybr(self, photometric: str) -> bool:
        if self.adobe is not None:
            return self.adobe == 1
        return self.jfif or photometric.startswith("YBR")


def read_frame(body: bytes) -> Frame:
    """Return what a SOF segment's body says."""
    precision, rows, columns, count = struct.unpack_from(">BHHB", body)
    components = [
        Component(body[at], body[at + 1] >> 4, body[at + 1] & 15, body[at + 2])
        for at in range(6, 6 + 3 * count, 3)
    ]
    fits = all(1 <= item.across <= 4 and 1 <= item.down <= 4 for item in components)
    fits = fits and 2 <= precision <= 16
    if not fits or not 0 < rows * columns <= _MAX_PIXELS or not 1 <= count <= 4:
        raise damaged()
    return Frame(precision, rows, columns, components)


def check_size(headers: Headers, size: tuple[int, int]) -> None:
    """Check that regions mean the same pixels in the image as in the header.

    Raises
    ------
    PixelError
        If the image has other rows or columns.
    """
    if headers.frame is None or (headers.frame.rows, headers.frame.columns) != size:
        raise damaged()


def read_scan(body: bytes, headers: Headers) -> Scan:
    """Return what a SOS segment's header says, with the tables of its components."""
    if headers.frame is None:
        raise damaged()
    known = {component.id: component for component in headers.frame.components}
    count = body[0]
    if not 1 <= count <= 4 or len(body) < 4 + 2 * count:
        raise damaged()
    components, dc_tables, ac_tables = [], [], []
    for at in range(1, 1 + 2 * count, 2):
        component = known.get(body[at])
        dc = headers.tables.get(body[at + 1] >> 4)
        ac = headers.tables.get(body[at + 1] & 15 | 0x10)
        if component is None or dc is None:
            raise damaged()
        components.append(component)
        dc_tables.append(dc)
        ac_tables.append(ac)
    return Scan(
        rows=headers.frame.rows,
        columns=headers.frame.columns,
        most_across=max(item.across for item in headers.frame.components),
        most_down=max(item.down for item in headers.frame.components),
        components=components,
        dc_tables=dc_tables,
        ac_tables=ac_tables,
        restart=headers.restart,
    )


def blacken_jpeg(
    frame: bytes, regions: Sequence[Region], *, size: tuple[int, int], photometric: str
) -> bytes:
    """Return a JPEG image with the blocks that regions touch black, and without comments.

    Parameters
    ----------
    size
        Rows and columns that the image must have.

    Raises
    ------
    PixelError
        If it is damaged, of another size, progressive or arithmetically coded.
    """
    frame = strip_comments(frame) or frame
    headers = Headers()
    parts: list[bytes | list[tuple[int, Table]]] = [frame[:2]]
    n_scans = 0
    for marker, start, end in segments(frame):
        if marker == _DHT:
            tables = read_tables(frame[start + 4 : end])
            headers.tables |= dict(tables)
            parts.append(tables)
            continue
        if marker != SOS:
            headers.read(marker, frame[start + 4 : end])
            parts.append(frame[start:end])
            continue
        first = start + 2 + int.from_bytes(frame[start + 2 : start + 4], "big")
        scan = read_scan(frame[start + 4 : first], headers)
        check_size(headers, size)
        black = dict(zip(_ids(headers), headers.black(photometric), strict=True))
        values = [black[component.id] for component in scan.components]
        parts += [frame[start:first], blacken_scan(frame[first:end], scan, regions, values)]
        n_scans += 1
    if not n_scans:
        raise damaged()
    return join_segments(parts)


def join_segments(parts: Sequence[bytes | list[tuple[int, Table]]]) -> bytes:
    """Return the image whose segments these are, its Huffman tables as they are now."""
    joined = []
    for part in parts:
        if isinstance(part, bytes):
            joined.append(part)
        else:
            body = b"".join(bytes((number,)) + table.to_bytes() for number, table in part)
            joined.append(struct.pack(">BBH", 0xFF, _DHT, len(body) + 2) + body)
    return b"".join([*joined, b"\xff\xd9"])


def _ids(headers: Headers) -> list[int]:
    if headers.frame is None:
        raise damaged()
    return [component.id for component in headers.frame.components]
