"""Transfer syntaxes by their UIDs (PS3.6 Table A-1, PS3.5 section 10)."""

from __future__ import annotations

from typing import Final

#: Every transfer syntax of the standard begins with it, and it is one itself.
IMPLICIT_LITTLE_UID: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_UID: Final = f"{IMPLICIT_LITTLE_UID}.1"
#: The whole data set is deflated (PS3.5 section A.5).
DEFLATED_UID: Final = f"{IMPLICIT_LITTLE_UID}.1.99"
#: Retired, and met on old media.
EXPLICIT_BIG_UID: Final = f"{IMPLICIT_LITTLE_UID}.2"
RLE_UID: Final = f"{IMPLICIT_LITTLE_UID}.5"
#: Frames are deflated one by one.
DEFLATED_FRAMES_UID: Final = f"{IMPLICIT_LITTLE_UID}.8.1"
JPEG_BASELINE_UID: Final = f"{IMPLICIT_LITTLE_UID}.4.50"
JPEG_EXTENDED_UID: Final = f"{IMPLICIT_LITTLE_UID}.4.51"
JPEG_LOSSLESS_UID: Final = f"{IMPLICIT_LITTLE_UID}.4.57"
JPEG_LOSSLESS_FIRST_UID: Final = f"{IMPLICIT_LITTLE_UID}.4.70"
JPEG_LS_UID: Final = f"{IMPLICIT_LITTLE_UID}.4.80"
JPEG_2000_UID: Final = f"{IMPLICIT_LITTLE_UID}.4.90"
#: Videos but H.264, which the others are (PS3.5 table 8.2.5-1).
MPEG2_UIDS: Final = tuple(f"{IMPLICIT_LITTLE_UID}.4.{n}" for n in (100, 101))
HEVC_UIDS: Final = tuple(f"{IMPLICIT_LITTLE_UID}.4.{n}" for n in (107, 108))

UNCOMPRESSED: Final = frozenset({IMPLICIT_LITTLE_UID, EXPLICIT_LITTLE_UID, EXPLICIT_BIG_UID})
#: JPEG, JPEG-LS, JPEG 2000 and HTJ2K: their frames have marker segments.
_MARKED: Final = tuple(f"{IMPLICIT_LITTLE_UID}.4.{n}" for n in (5, 6, 7, 8, 9, 20))
#: MPEG and HEVC: all frames are one stream.
_VIDEO: Final = f"{IMPLICIT_LITTLE_UID}.4.10"

#: Pixel data is in fragments (PS3.5 section A.4), of JPEG and the like, RLE, and uncompressed.
_ENCAPSULATED: Final = (f"{IMPLICIT_LITTLE_UID}.4.", RLE_UID, f"{IMPLICIT_LITTLE_UID}.1.98")


def is_standard(uid: str) -> bool:
    """Whether a transfer syntax is one of DICOM, not of a maker."""
    return uid.startswith(IMPLICIT_LITTLE_UID)


def is_encapsulated(uid: str) -> bool:
    """Whether pixel data has to be in fragments."""
    return uid.startswith(_ENCAPSULATED)


def has_markers(uid: str) -> bool:
    """Whether frames are JPEG, JPEG-LS or JPEG 2000 code streams."""
    return uid.startswith(_MARKED)


def is_video(uid: str) -> bool:
    """Whether the pixels are an MPEG or HEVC stream."""
    return uid.startswith(_VIDEO)
