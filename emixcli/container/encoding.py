"""base64url without padding and Crockford's base32, as the package format writes them."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from typing import Any

#: Crockford's base32: no I, L, O, U, so that nothing is misread.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_ID_SYMBOLS = 26


def to_base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def from_base64url(text: object) -> bytes:
    """Return the bytes of a base64url text without padding.

    Raises
    ------
    ValueError
        A character outside of the alphabet, padding, or a length that no bytes have.
    """
    if not isinstance(text, str) or "=" in text or "+" in text or "/" in text:
        raise ValueError("not base64url")
    try:
        data = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (UnicodeEncodeError, binascii.Error) as exc:
        raise ValueError("not base64url") from exc
    if to_base64url(data) != text:
        raise ValueError("not canonical base64url")
    return data


def new_package_id() -> str:
    """Return 26 lower-case base32 characters of 128 random bits, high bits first."""
    return encode_package_id(secrets.token_bytes(16))


def encode_package_id(raw: bytes) -> str:
    """Return the package id of 16 bytes: 26 symbols, high bits first, two zero bits in front."""
    number = int.from_bytes(raw, "big")
    symbols = [ALPHABET[number >> (5 * place) & 31] for place in reversed(range(_ID_SYMBOLS))]
    return "".join(symbols).lower()


def is_package_id(text: object) -> bool:
    """Tell whether `text` has the form of a package id."""
    return (
        isinstance(text, str)
        and len(text) == _ID_SYMBOLS
        and all(symbol in ALPHABET.lower() for symbol in text)
    )


def to_json(document: object) -> bytes:
    """Return compact JSON in ASCII."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def from_json(data: bytes | str) -> Any:
    """Return the document.

    Raises
    ------
    ValueError
        Not JSON, not UTF-8, or nested too deeply.
    """
    try:
        return json.loads(data)
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
