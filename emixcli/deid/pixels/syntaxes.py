"""Which compressions can be cleaned, and by what (PS3.5 section 10 and Annex A)."""

from __future__ import annotations

import enum
from functools import lru_cache
from importlib.util import find_spec
from typing import Final


class Codec(enum.Enum):
    """How the pixels of a transfer syntax are coded, as far as cleaning cares."""

    NATIVE = "native"
    RLE = "RLE"
    JPEG = "JPEG"
    JPEG_LOSSLESS = "JPEG lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"
    DEFLATED = "deflated frames"
    OTHER = "other"


_CODECS: Final = {
    "1.2.840.10008.1.2": Codec.NATIVE,
    "1.2.840.10008.1.2.1": Codec.NATIVE,
    "1.2.840.10008.1.2.1.99": Codec.NATIVE,
    "1.2.840.10008.1.2.2": Codec.NATIVE,
    "1.2.840.10008.1.2.5": Codec.RLE,
    "1.2.840.10008.1.2.4.50": Codec.JPEG,
    "1.2.840.10008.1.2.4.51": Codec.JPEG,
    "1.2.840.10008.1.2.4.57": Codec.JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.70": Codec.JPEG_LOSSLESS,
    "1.2.840.10008.1.2.4.80": Codec.JPEG_LS,
    "1.2.840.10008.1.2.4.90": Codec.JPEG_2000,
    "1.2.840.10008.1.2.8.1": Codec.DEFLATED,
}
#: Transfer syntaxes whose frames have marker segments, which may hold comments.
_MARKERS: Final = ("1.2.840.10008.1.2.4.5", "1.2.840.10008.1.2.4.6", "1.2.840.10008.1.2.4.7",
                   "1.2.840.10008.1.2.4.8", "1.2.840.10008.1.2.4.9",
                   "1.2.840.10008.1.2.4.20")  # fmt: skip


def codec(transfer_syntax_uid: str) -> Codec:
    """Return how the pixels are coded."""
    return _CODECS.get(transfer_syntax_uid, Codec.OTHER)


def has_markers(transfer_syntax_uid: str) -> bool:
    """Whether frames are JPEG, JPEG-LS or JPEG 2000 code streams."""
    return transfer_syntax_uid.startswith(_MARKERS)


def is_video(transfer_syntax_uid: str) -> bool:
    """Whether the pixels are an MPEG or HEVC stream."""
    return transfer_syntax_uid.startswith("1.2.840.10008.1.2.4.10")


@lru_cache(maxsize=32)
def can_clean(transfer_syntax_uid: str) -> bool:
    """Whether regions can be blackened, with the libraries that are installed."""
    kind = codec(transfer_syntax_uid)
    if kind is Codec.JPEG_LS:
        return find_spec("jpeg_ls") is not None
    if kind is Codec.JPEG_2000:
        return find_spec("openjpeg") is not None
    return kind is not Codec.OTHER
