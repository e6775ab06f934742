"""Slots: ways to the package key, kept in the head of the page as JSON.

A `code` slot holds the package key under an access code, a `passphrase` slot under a passphrase of
the sender's own, an `hpke` slot under a recipient's public key. Unknown kinds are skipped. Nothing
in a slot is trusted: costs of the key derivation are bounded before it runs.
"""

from __future__ import annotations

import secrets
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from emixcli.container.code import find_code, normalise_code
from emixcli.container.encoding import from_base64url, to_base64url
from emixcli.errors import NoMatchingKeyError, PackageDamagedError, PassphraseError

if TYPE_CHECKING:
    from emixcli.container.identity import Identity, PublicIdentity

Slot = dict[str, Any]

KEY_LENGTH, SALT_LENGTH, NONCE_LENGTH, PROOF_LENGTH = 32, 16, 12, 32
#: A package key under AES-256-GCM, with its tag.
WRAPPED_LENGTH = KEY_LENGTH + 16
MEMORY_KIB, PASSES, LANES = 65536, 3, 1
#: Highest costs that a reader accepts from a file.
MAX_MEMORY_KIB, MAX_PASSES, MAX_LANES = 262_144, 10, 4
MIN_PASSPHRASE = 14
_MIN_DISTINCT = 6

SUITES = {
    "mlkem768x25519-hkdfsha256-aes256gcm": hpke.KEM.MLKEM768_X25519,
    "x25519-hkdfsha256-aes256gcm": hpke.KEM.X25519,
}


def binding(package_id: str) -> bytes:
    """Return what ties a slot to its package: AES-GCM's associated data, HPKE's info."""
    return b"emix/v1/" + package_id.encode("ascii")


def make_code_slot(code: str, key: bytes, *, package_id: str) -> tuple[Slot, bytes]:
    """Return the slot that opens with `code`, and the proof that the exchange asks for.

    Parameters
    ----------
    code
        An access code in any spelling.
    key
        The package key, 32 bytes.
    package_id
        The package that the slot belongs to.
    """
    return _make_slot("code", normalise_code(code).encode("ascii"), key, package_id=package_id)


def make_passphrase_slot(passphrase: str, key: bytes, *, package_id: str) -> Slot:
    """Return the slot that opens with a passphrase; for files that stay off the exchange."""
    check_passphrase(passphrase)
    secret = normalise_passphrase(passphrase)
    return _make_slot("passphrase", secret, key, package_id=package_id)[0]


def normalise_passphrase(passphrase: str) -> bytes:
    """Return the bytes that are hashed: NFKC, outer blanks removed, UTF-8."""
    try:
        return unicodedata.normalize("NFKC", passphrase).strip().encode("utf-8")
    except UnicodeEncodeError as exc:
        raise PassphraseError(
            "the passphrase is not text", hint="it is UTF-8, in one line"
        ) from exc


def check_passphrase(passphrase: str) -> None:
    """Refuse what is guessed in days by whoever has the file.

    Raises
    ------
    PassphraseError
        Shorter than 14 characters, fewer than six different ones, or one word repeated.
    """
    text = unicodedata.normalize("NFKC", passphrase).strip()
    repeated = text.lower() in (text.lower() * 2)[1:-1]
    if len(text) < MIN_PASSPHRASE or len(set(text.lower())) < _MIN_DISTINCT or repeated:
        raise PassphraseError(
            "the passphrase is too weak for a file that anybody may copy",
            hint=f"use {MIN_PASSPHRASE} characters or more, for example four unrelated words",
        )


def _make_slot(kind: str, secret: bytes, key: bytes, *, package_id: str) -> tuple[Slot, bytes]:
    kdf = {
        "name": "argon2id",
        "salt": to_base64url(secrets.token_bytes(SALT_LENGTH)),
        "m": MEMORY_KIB,
        "t": PASSES,
        "p": LANES,
    }
    wrap, auth = _derive(secret, kdf)
    nonce = secrets.token_bytes(NONCE_LENGTH)
    slot = {
        "kind": kind,
        "v": 1,
        "kdf": kdf,
        "nonce": to_base64url(nonce),
        "wrapped": to_base64url(AESGCM(wrap).encrypt(nonce, key, binding(package_id))),
    }
    return slot, auth


def code_proof(kdf: Mapping[str, Any], code: str) -> bytes:
    """Return the proof that the exchange asks for; `kdf` is a code slot or its `kdf` member."""
    return _derive(normalise_code(code).encode("ascii"), kdf.get("kdf", kdf))[1]


def open_code_slot(slot: Mapping[str, Any], code: str, *, package_id: str) -> bytes:
    """Return the package key of a `code` slot.

    Raises
    ------
    NoMatchingKeyError
        The code does not open this slot.
    PackageDamagedError
        The slot is malformed or asks for unreasonable work.
    """
    return _open_slot(slot, normalise_code(code).encode("ascii"), package_id=package_id)


def open_passphrase_slot(slot: Mapping[str, Any], passphrase: str, *, package_id: str) -> bytes:
    """Return the package key of a `passphrase` slot; raises as `open_code_slot` does."""
    return _open_slot(slot, normalise_passphrase(passphrase), package_id=package_id)


def _open_slot(slot: Mapping[str, Any], secret: bytes, *, package_id: str) -> bytes:
    kdf = slot.get("kdf")
    if slot.get("v") != 1 or not isinstance(kdf, Mapping):
        raise PackageDamagedError("a key slot of the package is malformed")
    nonce = _member(slot, "nonce", NONCE_LENGTH)
    wrapped = _member(slot, "wrapped", WRAPPED_LENGTH)
    wrap, _ = _derive(secret, kdf)
    try:
        return AESGCM(wrap).decrypt(nonce, wrapped, binding(package_id))
    except InvalidTag as exc:
        raise no_match() from exc


def _derive(secret: bytes, kdf: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return the wrapping key and the proof (Argon2id, RFC 9106; HKDF, RFC 5869)."""
    memory, passes, lanes = (_cost(kdf, name) for name in ("m", "t", "p"))
    in_bounds = 8 * lanes <= memory <= MAX_MEMORY_KIB and passes <= MAX_PASSES
    if kdf.get("name") != "argon2id" or not in_bounds or lanes > MAX_LANES:
        raise PackageDamagedError("a key slot of the package asks for unreasonable work")
    salt = _member(kdf, "salt", SALT_LENGTH)
    derived = Argon2id(
        salt=salt, length=32, iterations=passes, lanes=lanes, memory_cost=memory
    ).derive(secret)
    wrap = HKDF(SHA256(), 32, b"", b"emix/v1/wrap").derive(derived)
    return wrap, HKDF(SHA256(), 32, b"", b"emix/v1/auth").derive(derived)


def _cost(kdf: Mapping[str, Any], name: str) -> int:
    value = kdf.get(name)
    if type(value) is not int or value < 1:
        raise PackageDamagedError("a key slot of the package is malformed")
    return value


def _member(slot: Mapping[str, Any], name: str, length: int | None = None) -> bytes:
    try:
        data = from_base64url(slot.get(name, ""))
    except ValueError as exc:
        raise PackageDamagedError("a key slot of the package is malformed") from exc
    if length is not None and len(data) != length:
        raise PackageDamagedError("a key slot of the package is malformed")
    return data


def make_hpke_slot(public: PublicIdentity, key: bytes, *, package_id: str) -> Slot:
    """Return the slot that opens with the private key of `public` (RFC 9180, base mode)."""
    name = "mlkem768x25519" if public.mlkem is not None else "x25519"
    suite_name = f"{name}-hkdfsha256-aes256gcm"
    sealed = _suite(suite_name).encrypt(key, public.hpke_key(), info=binding(package_id))
    return {
        "kind": "hpke",
        "v": 1,
        "suite": suite_name,
        "fingerprint": public.fingerprint,
        "enc+ct": to_base64url(sealed),
    }


def open_hpke_slot(slot: Mapping[str, Any], identity: Identity, *, package_id: str) -> bytes:
    """Return the package key of an `hpke` slot; raises as `open_code_slot` does."""
    suite_name = slot.get("suite")
    if slot.get("v") != 1 or suite_name not in SUITES:
        raise PackageDamagedError("a key slot of the package is malformed")
    sealed = _member(slot, "enc+ct")
    private = identity.hpke_key(hybrid=suite_name.startswith("mlkem768"))
    try:
        key = _suite(suite_name).decrypt(sealed, private, info=binding(package_id))
    except InvalidTag as exc:
        raise no_match() from exc
    if len(key) != KEY_LENGTH:
        raise PackageDamagedError("a key slot of the package is malformed")
    return key


def _suite(name: str) -> hpke.Suite:
    return hpke.Suite(SUITES[name], hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def no_match() -> NoMatchingKeyError:
    """Return the error for a code or key that opens nothing."""
    return NoMatchingKeyError(
        "the access code or key does not open this package",
        hint="ask the sender to read the access code again; give it by --code-file",
    )


def open_slots(
    slots: list[Slot], *, package_id: str, code: str | None = None, identity: Identity | None = None
) -> bytes:
    """Return the package key from the first slot that opens.

    Parameters
    ----------
    slots
        The slots of the package.
    code
        An access code, or a passphrase where the package has a `passphrase` slot.
    identity
        Private keys to try on `hpke` slots.

    Raises
    ------
    NoMatchingKeyError
        No slot opens.
    PassphraseError
        The package opens by access code only, and `code` is mistyped.
    """
    kinds = {slot.get("kind") for slot in slots}
    if code is not None and "code" in kinds and "passphrase" not in kinds:
        normalise_code(code)
    for slot in slots:
        try:
            key = _try_slot(slot, package_id=package_id, code=code, identity=identity)
        except NoMatchingKeyError:
            continue
        if key is not None:
            return key
    raise no_match()


def _try_slot(
    slot: Slot, *, package_id: str, code: str | None, identity: Identity | None
) -> bytes | None:
    kind = slot.get("kind")
    if kind == "hpke" and identity is not None:
        if slot.get("fingerprint") == identity.public.fingerprint:
            return open_hpke_slot(slot, identity, package_id=package_id)
    elif kind == "code" and code is not None and find_code(code) is not None:
        return open_code_slot(slot, code, package_id=package_id)
    elif kind == "passphrase" and code is not None:
        return open_passphrase_slot(slot, code, package_id=package_id)
    return None
