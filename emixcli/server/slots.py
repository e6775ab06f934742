"""The code slot that a share keeps: checked field by field, and laid into a downloaded copy.

A slot is written into an HTML page, so only what was checked here is ever written: base64url,
whole numbers and fixed words.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from emixcli.container.encoding import from_base64url
from emixcli.container.slots import (
    MAX_LANES,
    MAX_MEMORY_KIB,
    MAX_PASSES,
    NONCE_LENGTH,
    PROOF_LENGTH,
    SALT_LENGTH,
    SUITES,
    WRAPPED_LENGTH,
)
from emixcli.server.problems import RequestError

#: What a share may cost a guesser at least; the most is what readers accept from a file.
_MIN_MEMORY_KIB, _MIN_PASSES = 19456, 2
_FINGERPRINT = re.compile(r"[0-9a-f]{40}")
#: An encapsulated key (32 bytes, or 1120 with ML-KEM-768) and 48 bytes of ciphertext.
_MIN_SEALED, _MAX_SEALED = 80, 2048


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


@dataclass(frozen=True)
class KeySlot:
    """A package key sealed for a recipient's public key (format v1, kind `hpke`)."""

    suite: str
    fingerprint: str
    sealed: str

    def as_json(self) -> dict[str, Any]:
        """The slot as it stands in a package."""
        slot: dict[str, Any] = {"kind": "hpke", "v": 1, "suite": self.suite}
        return slot | {"fingerprint": self.fingerprint, "enc+ct": self.sealed}


def parse_slot(document: object) -> CodeSlot | KeySlot:
    """Check a slot that a client sent.

    Raises
    ------
    RequestError
    """
    is_sealed = isinstance(document, dict) and document.get("kind") == "hpke"
    return parse_key_slot(document) if is_sealed else parse_code_slot(document)


def parse_key_slot(document: object) -> KeySlot:
    """Check a slot of kind `hpke`.

    Raises
    ------
    RequestError
    """
    slot = _fields(document, {"kind", "v", "suite", "fingerprint", "enc+ct"}, "slot")
    if slot["kind"] != "hpke" or slot["v"] != 1 or slot["suite"] not in SUITES:
        message = "slot must be of kind hpke, version 1, with a suite of the format"
        raise RequestError(message)
    fingerprint = slot["fingerprint"]
    if not isinstance(fingerprint, str) or not _FINGERPRINT.fullmatch(fingerprint):
        message = "slot.fingerprint must be 40 hexadecimal digits"
        raise RequestError(message)
    try:
        n = len(from_base64url(slot["enc+ct"]))
    except ValueError as exc:
        message = "slot.enc+ct must be base64url without padding"
        raise RequestError(message) from exc
    if not _MIN_SEALED <= n <= _MAX_SEALED:
        message = f"slot.enc+ct must have {_MIN_SEALED} to {_MAX_SEALED} bytes"
        raise RequestError(message)
    return KeySlot(slot["suite"], fingerprint, slot["enc+ct"])


def parse_code_slot(document: object) -> CodeSlot:
    """Check a slot of kind `code`.

    Raises
    ------
    RequestError
    """
    slot = _fields(document, {"kind", "v", "kdf", "nonce", "wrapped"}, "slot")
    kdf = _fields(slot["kdf"], {"name", "salt", "m", "t", "p"}, "slot.kdf")
    if slot["kind"] != "code" or slot["v"] != 1 or kdf["name"] != "argon2id":
        message = "slot must be of kind code, version 1, with argon2id"
        raise RequestError(message)
    bounds = {
        "m": (_MIN_MEMORY_KIB, MAX_MEMORY_KIB),
        "t": (_MIN_PASSES, MAX_PASSES),
        "p": (1, MAX_LANES),
    }
    for name, (low, high) in bounds.items():
        value = kdf[name]
        if type(value) is not int or not low <= value <= high:
            message = f"slot.kdf.{name} must be {low} to {high}"
            raise RequestError(message)
    _decode(kdf["salt"], SALT_LENGTH, "slot.kdf.salt")
    _decode(slot["nonce"], NONCE_LENGTH, "slot.nonce")
    _decode(slot["wrapped"], WRAPPED_LENGTH, "slot.wrapped")
    return CodeSlot(kdf["salt"], kdf["m"], kdf["t"], kdf["p"], slot["nonce"], slot["wrapped"])


def parse_proof(text: object, what: str) -> bytes:
    """The 32 bytes that prove knowledge of an access code.

    Raises
    ------
    RequestError
    """
    return _decode(text, PROOF_LENGTH, what)


def slots_area(slot: dict[str, Any], length: int) -> bytes:
    """The content of a copy's slots element: one slot, padded with blanks.

    Raises
    ------
    RequestError
        The area is too short for a slot.
    """
    text = json.dumps({"v": 1, "slots": [slot]}, separators=(",", ":")).encode("ascii")
    if len(text) > length:
        message = "the slots area of this package is too short"
        raise RequestError(message)
    return text.ljust(length)


def _fields(document: object, names: set[str], what: str) -> dict[str, Any]:
    if not isinstance(document, dict) or set(document) != names:
        message = f"{what} must have exactly the fields {', '.join(sorted(names))}"
        raise RequestError(message)
    return document


def _decode(text: object, length: int, what: str) -> bytes:
    try:
        data = from_base64url(text)
    except ValueError as exc:
        message = f"{what} must be base64url without padding"
        raise RequestError(message) from exc
    if len(data) != length:
        message = f"{what} must have {length} bytes"
        raise RequestError(message)
    return data
