"""Which compressions can be cleaned, and by what (PS3.5 section 10 and Annex A)."""

from __future__ import annotations

import enum
from functools import lru_cache
from importlib.util import find_spec
from typing import Final

from emixcli import syntaxes


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
    syntaxes.IMPLICIT_LITTLE_UID: Codec.NATIVE,
    syntaxes.EXPLICIT_LITTLE_UID: Codec.NATIVE,
    syntaxes.DEFLATED_UID: Codec.NATIVE,
    syntaxes.EXPLICIT_BIG_UID: Codec.NATIVE,
    syntaxes.RLE_UID: Codec.RLE,
    syntaxes.JPEG_BASELINE_UID: Codec.JPEG,
    syntaxes.JPEG_EXTENDED_UID: Codec.JPEG,
    syntaxes.JPEG_LOSSLESS_UID: Codec.JPEG_LOSSLESS,
    syntaxes.JPEG_LOSSLESS_FIRST_UID: Codec.JPEG_LOSSLESS,
    syntaxes.JPEG_LS_UID: Codec.JPEG_LS,
    syntaxes.JPEG_2000_UID: Codec.JPEG_2000,
    syntaxes.DEFLATED_FRAMES_UID: Codec.DEFLATED,
}


def codec(transfer_syntax_uid: str) -> Codec:
    """Return how the pixels are coded."""
    return _CODECS.get(transfer_syntax_uid, Codec.OTHER)


@lru_cache(maxsize=32)
def can_clean(transfer_syntax_uid: str) -> bool:
    """Whether regions can be blackened, with the libraries that are installed."""
    kind = codec(transfer_syntax_uid)
    if kind is Codec.JPEG_LS:
        return find_spec("jpeg_ls") is not None
    if kind is Codec.JPEG_2000:
        return find_spec("openjpeg") is not None
    return kind is not Codec.OTHER
