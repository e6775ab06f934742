"""Small pictures of series, for a page about a medium."""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any, Final

from emixcli.media.reader import MediaReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from emixcli.model import FileSet, Instance
    from emixcli.services.strips import Strip

_SIDE: Final = 128
_MAX_PIXELS: Final = 64 * 2**20


def make_thumbnails(file_set: FileSet, strips: Iterable[Strip]) -> dict[str, bytes]:
    """Return a PNG of the middle image of each series that can be decoded here, by series UID."""
    found = {}
    with MediaReader(file_set) as media:
        for strip in strips:
            if strip.middle is not None and strip.middle.pixel_offset >= 0:
                picture = _thumbnail(media, strip.middle)
                if picture:
                    found[strip.uid] = picture
    return found


def _thumbnail(media: MediaReader, instance: Instance) -> bytes | None:
    import numpy as np
    from pydicom import dcmread

    if instance.size > _MAX_PIXELS:
        return None
    is_inverted = instance.text("PhotometricInterpretation") == "MONOCHROME1"
    try:
        pixels = dcmread(io.BytesIO(media.read(instance)), force=True).pixel_array
        return _png(_grey(np.asarray(pixels), is_inverted=is_inverted))
    except Exception:  # noqa: BLE001 - a damaged image has no picture, whatever pydicom raises
        return None


def _grey(pixels: Any, *, is_inverted: bool) -> Any:
    """Return one frame as bytes of grey, at most 128 x 128."""
    import numpy as np

    while pixels.ndim > 3 or (pixels.ndim == 3 and pixels.shape[-1] not in (3, 4)):
        pixels = pixels[len(pixels) // 2]
    if pixels.ndim == 3:
        pixels = pixels[..., :3].mean(axis=-1)
    step = max(1, -(-max(pixels.shape) // _SIDE))
    small = pixels[::step, ::step].astype(float)
    low, high = np.percentile(small, (1, 99))
    grey = np.clip((small - low) * 255 / max(high - low, 1e-9), 0, 255).astype(np.uint8)
    return 255 - grey if is_inverted else grey


def _png(grey: Any) -> bytes:
    height, width = grey.shape
    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )
