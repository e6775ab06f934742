"""Lookup tables and overlays of an image, ready for a viewer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from emixcli.container.encoding import to_base64url

if TYPE_CHECKING:
    from pydicom import Dataset

    from emixcli.container.index import Fields

_Table = npt.NDArray[np.uint16]
_MAX_ENTRIES = 65_536
_MAX_OVERLAY = 16 * 1024 * 1024
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)


def add_luts(dataset: Dataset, fields: Fields) -> None:
    """Add palette (PS3.3 section C.7.9), modality (C.11.1) and VOI tables (C.11.2)."""
    luts: Fields = {}
    palette = _palette(dataset)
    if palette:
        luts["palette"] = palette
    for item in list(dataset.get("ModalityLUTSequence") or [])[:1]:
        lut = _sequence_lut(item, signed=fields.get("signed", False))
        if lut:
            luts["modality"] = lut
            kind = str(item.get("ModalityLUTType") or "")
            if kind:
                fields.setdefault("rescale_type", kind)
    voi = []
    for item in list(dataset.get("VOILUTSequence") or [])[:16]:
        lut = _sequence_lut(item, signed=fields.get("signed", False))
        if lut:
            voi.append(lut | {"explanation": str(item.get("LUTExplanation") or "")[:64]})
    if voi:
        luts["voi"] = voi
    if luts:
        fields["luts"] = luts


def _palette(dataset: Dataset) -> Fields | None:
    palette = {}
    for colour in ("Red", "Green", "Blue"):
        descriptor = dataset.get(f"{colour}PaletteColorLookupTableDescriptor")
        if descriptor is None:
            return None
        n_entries, first, bits = _descriptor(descriptor, signed=False)
        data = dataset.get(f"{colour}PaletteColorLookupTableData")
        segmented = dataset.get(f"Segmented{colour}PaletteColorLookupTableData")
        if data:
            table = _values(dataset, data, n_entries, bits)
        elif segmented:
            words = _words(dataset, segmented, bits)
            table = np.array(list(_expand(words))[:n_entries], dtype=np.uint16)
        else:
            return None
        if not len(table):
            return None
        palette[colour.lower()] = _lut(table, first, bits)
    return palette


def _descriptor(descriptor: Sequence[int], *, signed: bool) -> tuple[int, int, int]:
    """Return number of entries, first value mapped, bits of an entry (PS3.3 C.11.1.1.1)."""
    n_entries, first, bits = (int(value) for value in descriptor)
    n_entries &= 0xFFFF
    if signed and first >= 0x8000:
        first -= 0x10000
    return n_entries or _MAX_ENTRIES, first, min(max(bits, 1), 16)


def _sequence_lut(item: Dataset, *, signed: bool) -> Fields | None:
    descriptor, data = item.get("LUTDescriptor"), item.get("LUTData")
    if descriptor is None or data is None:
        return None
    n_entries, first, bits = _descriptor(descriptor, signed=signed)
    table = _values(item, data, n_entries, bits)
    return _lut(table, first, bits) if len(table) else None


def _values(dataset: Dataset, data: Any, n_entries: int, bits: int) -> _Table:
    """Return the entries of a table, which some devices pack into bytes."""
    if isinstance(data, bytes):
        if bits <= 8 and len(data) in {n_entries, n_entries + n_entries % 2}:
            packed = np.frombuffer(data, dtype=np.uint8)
            if _is_big(dataset) and len(packed) % 2 == 0:
                packed = packed.reshape(-1, 2)[:, ::-1].reshape(-1)
            return packed[:n_entries].astype(np.uint16)
        return _words(dataset, data, 16)[:n_entries]
    values = [data] if isinstance(data, int) else list(data)
    table: _Table = (np.array(values[:n_entries], dtype=np.int64) & 0xFFFF).astype(np.uint16)
    return table


def _words(dataset: Dataset, data: bytes, bits: int) -> _Table:
    """Return 8 or 16-bit values in the byte order of the file."""
    if bits <= 8:
        values = np.frombuffer(data, dtype=np.uint8)
        if _is_big(dataset) and len(values) % 2 == 0:
            values = values.reshape(-1, 2)[:, ::-1].reshape(-1)
        return values.astype(np.uint16)
    order = ">u2" if _is_big(dataset) else "<u2"
    return np.frombuffer(data[: len(data) // 2 * 2], dtype=order).astype(np.uint16)


def _is_big(dataset: Dataset) -> bool:
    return dataset.original_encoding[1] is False


def _expand(words: _Table) -> Iterator[int]:
    """Yield the entries of a segmented table (PS3.3 section C.7.9.2), at most 65536."""
    left, last = _MAX_ENTRIES, 0
    for opcode, length, values in _segments(words, 0, len(words), nested=False):
        if opcode == 0:
            entries = [int(value) for value in values]
        else:
            target = int(values[0])
            entries = [
                round(last + (target - last) * step / length) for step in range(1, length + 1)
            ]
        entries = entries[:left]
        yield from entries
        left -= len(entries)
        if not left:
            return
        last = entries[-1] if entries else last


def _segments(
    words: _Table, start: int, end: int, *, nested: bool, n_most: int = _MAX_ENTRIES
) -> Iterator[tuple[int, int, _Table]]:
    """Yield opcode, length and values of discrete and linear segments, indirect ones resolved.

    Raises
    ------
    ValueError
        A segment reaches beyond the end, or is unknown.
    """
    at = start
    while at + 2 <= end and n_most:
        opcode, length = int(words[at]), int(words[at + 1])
        size = {0: 2 + length, 1: 3, 2: 4}.get(opcode, 0)
        if not size or at + size > len(words) or (opcode == 2 and nested):
            raise ValueError("a segment of a lookup table is malformed")
        if opcode == 2:
            # indirect: copies `length` segments that begin at an offset in bytes or words
            origin = int(words[at + 2]) | int(words[at + 3]) << 16
            yield from _segments(words, origin, len(words), nested=True, n_most=length)
        else:
            yield opcode, length, words[at + 2 : at + size]
        at += size
        n_most -= 1


def _lut(table: _Table, first: int, bits: int) -> Fields:
    data = to_base64url(table.astype("<u2").tobytes())
    return {"first": first, "bits": bits, "data": data}


def add_overlays(dataset: Dataset, fields: Fields) -> None:
    """Add overlays that have data of their own (PS3.3 section C.9.2)."""
    overlays = []
    for group in _OVERLAY_GROUPS:
        overlay = _overlay(dataset, group)
        if overlay:
            overlays.append(overlay)
    if overlays:
        fields["overlays"] = overlays


def _overlay(dataset: Dataset, group: int) -> Fields | None:
    def value(element: int) -> Any:
        tag = group << 16 | element
        return dataset[tag].value if tag in dataset else None

    rows, columns, data = value(0x0010), value(0x0011), value(0x3000)
    if not isinstance(rows, int) or not isinstance(columns, int) or not isinstance(data, bytes):
        return None
    frames = value(0x0015)
    n_frames = int(str(frames)) if frames else 1
    n_bytes = -(-rows * columns * n_frames // 8)
    if n_bytes > min(_MAX_OVERLAY, len(data)):
        return None
    if _is_big(dataset) and dataset[group << 16 | 0x3000].VR == "OW":
        data = np.frombuffer(data[: len(data) // 2 * 2], dtype=">u2").astype("<u2").tobytes()
    overlay: Fields = {"rows": rows, "columns": columns, "data": to_base64url(data[:n_bytes])}
    origin = value(0x0050)
    if origin is not None and len(list(origin)) == 2:
        overlay["origin"] = [int(part) for part in origin]
    if n_frames > 1:
        overlay["frames"] = n_frames
        overlay["frame_origin"] = int(str(value(0x0051) or 1))
    return overlay
