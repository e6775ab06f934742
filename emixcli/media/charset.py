"""Text of DICOM attributes to str, by Specific Character Set (PS3.5 section 6.1)."""

from __future__ import annotations

from functools import lru_cache

from emixcli.quiet import quiet_pydicom


def decode_text(raw: bytes, charset: str) -> str:
    """Return `raw` as text; what cannot be decoded becomes replacement characters.

    Parameters
    ----------
    raw
        Value as it stands in the file.
    charset
        Value of (0008,0005) of the data set, values joined by a backslash.
    """
    from pydicom.charset import decode_bytes
    from pydicom.valuerep import TEXT_VR_DELIMS

    with quiet_pydicom():
        try:
            return decode_bytes(raw, _encodings(charset), TEXT_VR_DELIMS)
        except (LookupError, ValueError):
            return raw.decode("latin-1")


@lru_cache(maxsize=64)
def _encodings(charset: str) -> tuple[str, ...]:
    from pydicom.charset import convert_encodings

    try:
        return tuple(convert_encodings(charset.split("\\")))
    except (LookupError, ValueError):
        return ("iso8859",)


def joined(text: str) -> str:
    r"""Return a value without padding: each part between backslashes stripped.

    NULs in front are no padding: many readers take the text to end there.
    """
    text = text.rstrip(" \0").lstrip(" ")
    if "\\" in text and (" " in text or "\0" in text):
        return "\\".join([part.rstrip(" \0").lstrip(" ") for part in text.split("\\")])
    return text
