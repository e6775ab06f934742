"""Text in and out of values, by Specific Character Set (PS3.5 section 6.1)."""

from __future__ import annotations

import codecs
from typing import Final

from emixcli.media.charset import decode_text
from emixcli.quiet import quiet_pydicom

#: Defined terms of (0008,0005) that stand alone, and the codec of each.
_SINGLE: Final = {
    "": "ascii",
    "ISO_IR 6": "ascii",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 138": "iso8859-8",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 203": "iso8859-15",
    "ISO_IR 166": "tis-620",
    "ISO_IR 13": "shift-jis",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
#: Those of code extensions.
_EXTENDED: Final = frozenset(
    f"ISO 2022 IR {number}"
    for number in (6, 13, 58, 87, 100, 101, 109, 110, 126, 127, 138, 144, 148, 149, 159, 166, 203)
)
_ESCAPE: Final = b"\x1b"


def is_known(charset: str) -> bool:
    """Whether a value of (0008,0005) holds defined terms only."""
    terms = [term.strip() for term in charset.split("\\")]
    return charset in _SINGLE or all(not term or term in _EXTENDED for term in terms)


def decode(raw: bytes, charset: str) -> str:
    """Return text; every byte becomes some character, so that nothing hides."""
    if raw.isascii() and _ESCAPE not in raw:
        return raw.decode("ascii")
    codec = _SINGLE.get(charset)
    if codec is None or _ESCAPE in raw:
        return decode_text(raw, charset)
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def encode(text: str, charset: str) -> bytes:
    """Return the bytes of text; characters that the character set lacks are left out."""
    if text.isascii():
        return text.encode("ascii")
    codec = _SINGLE.get(charset)
    if codec is not None:
        return text.encode(codec, "ignore")
    return _encode_extended(text, charset)


def _encode_extended(text: str, charset: str) -> bytes:
    from pydicom.charset import convert_encodings, encode_string

    with quiet_pydicom():
        try:
            return encode_string(text, convert_encodings(charset.split("\\")))
        except (LookupError, ValueError):
            return codecs.encode(text, "ascii", "ignore")
