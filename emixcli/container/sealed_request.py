"""A request for images, sealed for those who answer it: one line of JSON, then ciphertext.

    HEADER LF DOCUMENT FORM

The header names the organisation that is asked, the purpose of use, and the slots of the key; the
document says whose images, and the form is the signed one. Document and form are AES-256-GCM under
one key, bound to the request. Nothing in the header is about a patient; the format is described in
`docs/format/request-v1.md`.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emixcli.container.encoding import (
    from_base64url,
    from_json,
    is_package_id,
    new_package_id,
    to_base64url,
    to_json,
)
from emixcli.container.slots import (
    KEY_LENGTH,
    NONCE_LENGTH,
    Slot,
    make_hpke_slot,
    open_hpke_slot,
)
from emixcli.errors import NoMatchingKeyError, PackageDamagedError, UsageError

if TYPE_CHECKING:
    from emixcli.container.identity import Identity, PublicIdentity

MAX_HEADER = 128 << 10
MAX_DOCUMENT = 64 << 10
MAX_FORM = 4 << 20
MAX_SLOTS = 32
#: Of a whole sealed request.
MAX_SEALED = MAX_HEADER + MAX_DOCUMENT + MAX_FORM
#: Documents are filled up to a multiple of this, so that their length says little.
PADDING = 1024
_TAG = 16
#: What a signed form may be, by its first bytes.
FORM_TYPES = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}


@dataclass(frozen=True)
class Header:
    """What may be known of a request without a key.

    `binding` is random and ties ciphertext and slots to this request; sizes are of ciphertext.
    """

    to: str
    purpose: str
    binding: str
    slots: tuple[Slot, ...]
    document_size: int
    form_size: int
    length: int
    nonces: tuple[bytes, bytes]

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return self.length + self.document_size + self.form_size


def form_type(form: bytes) -> str:
    """Return the media type of a signed form, by its content.

    Raises
    ------
    UsageError
        Too large, or not one of the kinds that are taken.
    """
    if len(form) > MAX_FORM - _TAG:
        raise UsageError("the form is too large", hint="4 MiB at most: scan it in grey at 150 dpi")
    for magic, kind in FORM_TYPES.items():
        if form.startswith(magic):
            return kind
    raise UsageError("the form is not a PDF, JPEG or PNG file", hint="scan it as PDF")


def seal(
    document: Mapping[str, Any],
    form: bytes,
    *,
    to: str,
    purpose: str,
    readers: Iterable[PublicIdentity],
) -> bytes:
    """Return a request that only the readers can open.

    Parameters
    ----------
    document
        Whose images and why, as `services.request` makes it.
    form
        The signed form, empty where there is none.
    to, purpose
        The organisation that is asked, and the purpose of use: the exchange needs both.
    readers
        Those who may open it; at least one.
    """
    binding, key = new_package_id(), secrets.token_bytes(KEY_LENGTH)
    nonces = secrets.token_bytes(NONCE_LENGTH), secrets.token_bytes(NONCE_LENGTH)
    plain = to_json(document)
    plain += b" " * (-len(plain) % PADDING)
    if len(plain) > MAX_DOCUMENT - _TAG:
        raise UsageError("the request says too much", hint="leave the rest to the form")
    if form:
        form_type(form)
    slots = [make_hpke_slot(reader, key, package_id=_name(binding)) for reader in readers]
    if not 0 < len(slots) <= MAX_SLOTS:
        raise UsageError(
            "a request needs somebody who can read it",
            hint="who is asked publishes a key first: emix request key publish",
        )
    cipher = AESGCM(key)
    sealed = cipher.encrypt(nonces[0], plain, _bound(binding, "document"))
    attached = cipher.encrypt(nonces[1], form, _bound(binding, "form")) if form else b""
    head = {
        "emix": "request",
        "v": 1,
        "to": to,
        "purpose": purpose,
        "binding": binding,
        "document": {"nonce": to_base64url(nonces[0]), "size": len(sealed)},
        "form": {"nonce": to_base64url(nonces[1]), "size": len(attached)},
        "slots": slots,
    }
    return to_json(head) + b"\n" + sealed + attached


def read_header(data: bytes) -> Header:
    """Return the header of a whole sealed request, all of its sizes checked.

    Raises
    ------
    PackageDamagedError
        It is none, or was cut or lengthened.
    """
    line, newline, _ = data[:MAX_HEADER].partition(b"\n")
    try:
        found = from_json(line)
        header = _checked(found, len(line) + len(newline))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise _damaged() from exc
    if header.size != len(data):
        raise _damaged()
    return header


def _checked(found: Mapping[str, Any], length: int) -> Header:
    to, purpose, binding = found["to"], found["purpose"], found["binding"]
    document, form, slots = found["document"], found["form"], found["slots"]
    sizes = document["size"], form["size"]
    nonces = from_base64url(document["nonce"]), from_base64url(form["nonce"])
    good = (
        found["emix"] == "request"
        and found["v"] == 1
        and isinstance(to, str)
        and isinstance(purpose, str)
        and is_package_id(binding)
        and isinstance(slots, list)
        and 0 < len(slots) <= MAX_SLOTS
        and all(isinstance(slot, dict) for slot in slots)
        and all(type(size) is int for size in sizes)
        and _TAG < sizes[0] <= MAX_DOCUMENT
        and (sizes[1] == 0 or _TAG < sizes[1] <= MAX_FORM)
        and all(len(nonce) == NONCE_LENGTH for nonce in nonces)
        and nonces[0] != nonces[1]
    )
    if not good:
        raise ValueError("malformed")
    return Header(to, purpose, binding, tuple(slots), sizes[0], sizes[1], length, nonces)


def open_sealed(data: bytes, identity: Identity) -> tuple[dict[str, Any], bytes]:
    """Return the document and the form.

    Raises
    ------
    NoMatchingKeyError
        It was not sealed for this identity.
    PackageDamagedError
        A byte was changed.
    """
    header = read_header(data)
    cipher = AESGCM(_key_of(header, identity))
    middle = header.length + header.document_size
    pieces = (data[header.length : middle], "document"), (data[middle:], "form")
    try:
        plain, form = (
            cipher.decrypt(nonce, piece, _bound(header.binding, name)) if piece else b""
            for (piece, name), nonce in zip(pieces, header.nonces, strict=True)
        )
        document = from_json(plain)
    except (InvalidTag, ValueError) as exc:
        raise _damaged() from exc
    if not isinstance(document, dict):
        raise _damaged()
    return document, form


def _key_of(header: Header, identity: Identity) -> bytes:
    own = identity.fingerprint()
    for slot in header.slots:
        if slot.get("kind") == "hpke" and slot.get("fingerprint") == own:
            return open_hpke_slot(slot, identity, package_id=_name(header.binding))
    raise NoMatchingKeyError(
        "this request was not sealed for the keys of this machine",
        hint="open it where emix request key publish was run before it was made",
    )


def _name(binding: str) -> str:
    """Stands where a slot of a package has the package's id; no package's id holds a slash."""
    return f"request/{binding}"


def _bound(binding: str, part: str) -> bytes:
    return f"emix/v1/request/{binding}/{part}".encode("ascii")


def _damaged() -> PackageDamagedError:
    return PackageDamagedError("the request is damaged", hint="ask for it to be made again")
