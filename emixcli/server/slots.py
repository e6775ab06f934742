"""The code slot that a share keeps: checked field by field, and laid into a downloaded copy.

A slot is written into an HTML page, so only what was checked here is ever written: base64url,
whole numbers and fixed words.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from emixcli.errors import UsageError

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_NONCE, _WRAPPED, _AUTH = 12, 48, 32
_MIN_M_KIB, _MAX_M_KIB = 19456, 1 << 20


def decode_base64url(text: object, what: str) -> bytes:
    """Bytes of canonical base64url without padding (RFC 4648 section 5).

    Raises
    ------
    UsageError
    """
    message = f"{what} must be base64url without padding"
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise UsageError(message)
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_base64url(data) != text:
        raise UsageError(message)
    return data


def encode_base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class CodeSlot:
    """A package key wrapped under an access code (format v1, kind `code`)."""

    salt: str
    m: int
    t: int
    p: int
    nonce: str
    wrapped: str

    @property
    def kdf(self) -> dict[str, Any]:
        """Argon2id parameters; all that a browser needs to make the proof."""
        return {"name": "argon2id", "salt": self.salt, "m": self.m, "t": self.t, "p": self.p}

    def as_json(self) -> dict[str, Any]:
        """The slot as it stands in a package."""
        slot: dict[str, Any] = {"kind": "code", "v": 1, "kdf": self.kdf}
        return slot | {"nonce": self.nonce, "wrapped": self.wrapped}


def parse_slot(document: object) -> CodeSlot:
    """Check a slot that a client sent.

    Raises
    ------
    UsageError
    """
    slot = _fields(document, {"kind", "v", "kdf", "nonce", "wrapped"}, "slot")
    kdf = _fields(slot["kdf"], {"name", "salt", "m", "t", "p"}, "slot.kdf")
    if slot["kind"] != "code" or slot["v"] != 1 or kdf["name"] != "argon2id":
        message = "slot must be of kind code, version 1, with argon2id"
        raise UsageError(message)
    bounds = {"m": (_MIN_M_KIB, _MAX_M_KIB), "t": (2, 16), "p": (1, 4)}
    for name, (low, high) in bounds.items():
        value = kdf[name]
        if type(value) is not int or not low <= value <= high:
            message = f"slot.kdf.{name} must be {low} to {high}"
            raise UsageError(message)
    if not 16 <= len(decode_base64url(kdf["salt"], "slot.kdf.salt")) <= 64:
        message = "slot.kdf.salt must have 16 to 64 bytes"
        raise UsageError(message)
    for name, length in (("nonce", _NONCE), ("wrapped", _WRAPPED)):
        if len(decode_base64url(slot[name], f"slot.{name}")) != length:
            message = f"slot.{name} must have {length} bytes"
            raise UsageError(message)
    return CodeSlot(kdf["salt"], kdf["m"], kdf["t"], kdf["p"], slot["nonce"], slot["wrapped"])


def parse_proof(text: object, what: str) -> bytes:
    """The 32 bytes that prove knowledge of an access code.

    Raises
    ------
    UsageError
    """
    proof = decode_base64url(text, what)
    if len(proof) != _AUTH:
        message = f"{what} must have {_AUTH} bytes"
        raise UsageError(message)
    return proof


def slots_area(slot: dict[str, Any], length: int) -> bytes:
    """The content of a copy's slots element: one slot, padded with blanks.

    Raises
    ------
    UsageError
        The area is too short for a slot.
    """
    text = json.dumps({"v": 1, "slots": [slot]}, separators=(",", ":")).encode("ascii")
    if len(text) > length:
        message = "the slots area of this package is too short"
        raise UsageError(message)
    return text.ljust(length)


def _fields(document: object, names: set[str], what: str) -> dict[str, Any]:
    if not isinstance(document, dict) or set(document) != names:
        message = f"{what} must have exactly the fields {', '.join(sorted(names))}"
        raise UsageError(message)
    return document
