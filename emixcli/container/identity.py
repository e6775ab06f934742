"""The user's own keys: Ed25519 to sign manifests, X25519 and ML-KEM-768 to receive packages."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from emixcli import config
from emixcli.container.encoding import from_base64url, from_json, to_base64url, to_json
from emixcli.container.key_file import create_key_file, replace_key_file
from emixcli.errors import NoMatchingKeyError, OutputError

FILE_NAME = "identity.json"
_MAX_FILE = 65536

SigningKey = Ed25519PrivateKey


@dataclass(frozen=True)
class PublicIdentity:
    """The public half, as it is given to others.

    `signing` and `x25519` are raw keys of 32 bytes, `mlkem` of 1184 bytes or None; `signature` is
    that of the signing key over the other two, so that its fingerprint stands for all.
    """

    signing: bytes
    x25519: bytes
    mlkem: bytes | None
    signature: bytes

    @property
    def fingerprint(self) -> str:
        """What people compare and address books pin."""
        return fingerprint_of(self.signing)

    def hpke_key(self) -> X25519PublicKey | hpke.MLKEM768X25519PublicKey:
        """Return the key that `hpke` slots are made for."""
        x25519 = X25519PublicKey.from_public_bytes(self.x25519)
        if self.mlkem is None:
            return x25519
        return hpke.MLKEM768X25519PublicKey(MLKEM768PublicKey.from_public_bytes(self.mlkem), x25519)

    def to_json(self) -> bytes:
        """Return the public key file."""
        document = {
            "emix": "public-key",
            "v": 1,
            "fingerprint": self.fingerprint,
            "ed25519": to_base64url(self.signing),
            "x25519": to_base64url(self.x25519),
            "signature": to_base64url(self.signature),
        }
        if self.mlkem is not None:
            document["mlkem768"] = to_base64url(self.mlkem)
        return to_json(document) + b"\n"

    @classmethod
    def from_json(cls, data: bytes) -> PublicIdentity:
        """Return the identity of a public key file.

        Raises
        ------
        NoMatchingKeyError
            Not a public key file, or its keys do not belong together.
        """
        try:
            document = read_document(data, "public-key")
            mlkem = from_base64url(document["mlkem768"]) if "mlkem768" in document else None
            public = cls(
                signing=from_base64url(document["ed25519"]),
                x25519=from_base64url(document["x25519"]),
                mlkem=mlkem,
                signature=from_base64url(document["signature"]),
            )
            public.hpke_key()
            Ed25519PublicKey.from_public_bytes(public.signing).verify(
                public.signature, _bound(public.x25519, public.mlkem)
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise NoMatchingKeyError(
                "this is not an emix public key file", hint="emix keys export writes one"
            ) from exc
        except InvalidSignature as exc:
            raise NoMatchingKeyError(
                "the keys in the public key file do not belong together",
                hint="ask for the file again",
            ) from exc
        return public


def _bound(x25519: bytes, mlkem: bytes | None) -> bytes:
    """Return what the signing key signs of the other keys."""
    return b"emix/v1/keys" + x25519 + (mlkem or b"")


def load_public(path: Path) -> PublicIdentity:
    """Return the identity in a public key file.

    Raises
    ------
    NoMatchingKeyError
        It cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            return PublicIdentity.from_json(file.read(_MAX_FILE))
    except OSError as exc:
        raise NoMatchingKeyError("a public key file cannot be read", hint="check its name") from exc


def fingerprint_of(signing: bytes) -> str:
    """Return the fingerprint of a raw Ed25519 key: 160 bits of SHA-256, hexadecimal."""
    return hashlib.sha256(b"emix/v1/fingerprint" + signing).hexdigest()[:40]


@dataclass(frozen=True)
class Identity:
    """The private half; leaves the key directory under a passphrase only."""

    signing_key: Ed25519PrivateKey
    x25519: X25519PrivateKey
    mlkem: MLKEM768PrivateKey | None

    @property
    def public(self) -> PublicIdentity:
        """The public half."""
        mlkem = None if self.mlkem is None else self.mlkem.public_key().public_bytes_raw()
        x25519 = self.x25519.public_key().public_bytes_raw()
        return PublicIdentity(
            signing=self.signing_key.public_key().public_bytes_raw(),
            x25519=x25519,
            mlkem=mlkem,
            signature=self.signing_key.sign(_bound(x25519, mlkem)),
        )

    def fingerprint(self) -> str:
        """Return the fingerprint of the public half."""
        return self.public.fingerprint

    def hpke_key(self, *, hybrid: bool) -> X25519PrivateKey | hpke.MLKEM768X25519PrivateKey:
        """Return the private key for an `hpke` slot of either suite."""
        if not hybrid:
            return self.x25519
        if self.mlkem is None:
            raise NoMatchingKeyError(
                "this package needs an ML-KEM key, and the own key has none",
                hint="ask for the access code, or open it where the key is",
            )
        return hpke.MLKEM768X25519PrivateKey(self.mlkem, self.x25519)

    def derive(self, purpose: str) -> bytes:
        """Return 32 secret bytes for a purpose, the same each time."""
        return hmac.digest(
            self.x25519.private_bytes_raw(), f"emix/v1/derive/{purpose}".encode(), "sha256"
        )

    def to_json(self) -> bytes:
        """Return the private key file."""
        document = {
            "emix": "private-key",
            "v": 1,
            "ed25519": to_base64url(self.signing_key.private_bytes_raw()),
            "x25519": to_base64url(self.x25519.private_bytes_raw()),
        }
        if self.mlkem is not None:
            document["mlkem768"] = to_base64url(self.mlkem.private_bytes_raw())
        return to_json(document) + b"\n"


def read_document(data: bytes, kind: str) -> dict[str, Any]:
    """Return a key file of a kind.

    Raises
    ------
    ValueError, KeyError, TypeError
        It is none.
    """
    document: dict[str, Any] = from_json(data)
    if document["emix"] != kind or document["v"] != 1:
        raise ValueError("another kind of file")
    return document


def new_identity() -> Identity:
    """Return fresh keys; ML-KEM-768 (FIPS 203) where the crypto library has it."""
    mlkem: MLKEM768PrivateKey | None
    try:
        mlkem = MLKEM768PrivateKey.generate()
    except UnsupportedAlgorithm:
        mlkem = None
    return Identity(Ed25519PrivateKey.generate(), X25519PrivateKey.generate(), mlkem)


def parse_identity(data: bytes) -> Identity:
    """Return the identity of a private key file.

    Raises
    ------
    NoMatchingKeyError
        Not a private key file.
    """
    try:
        document = read_document(data, "private-key")
        seed = from_base64url(document["mlkem768"]) if "mlkem768" in document else None
        return Identity(
            Ed25519PrivateKey.from_private_bytes(from_base64url(document["ed25519"])),
            X25519PrivateKey.from_private_bytes(from_base64url(document["x25519"])),
            None if seed is None else MLKEM768PrivateKey.from_seed_bytes(seed),
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise NoMatchingKeyError(
            "the own key file is damaged", hint="restore it from a backup"
        ) from exc


def load_identity(*, create: bool = True) -> Identity:
    """Return the user's own keys, made on first use.

    Raises
    ------
    NoMatchingKeyError
        No keys yet and `create` is false, or the key file is damaged.
    OutputError
        The key directory cannot be written.
    """
    path = config.keys_dir() / FILE_NAME
    try:
        with path.open("rb") as file:
            return parse_identity(file.read(_MAX_FILE))
    except FileNotFoundError:
        if not create:
            raise NoMatchingKeyError(
                "there is no own key on this machine",
                hint="bring those of the machine that packed: emix keys export --private there,"
                " emix keys import here; emix keys show makes new ones",
            ) from None
    except OSError as exc:
        raise OutputError(
            "the own key file cannot be read",
            hint="check its permissions; EMIX_HOME names its folder",
        ) from exc
    identity = new_identity()
    try:
        create_key_file(path, identity.to_json())
    except FileExistsError:  # another process was quicker
        return load_identity(create=False)
    return identity


def replace_identity(identity: Identity) -> Path | None:
    """Make `identity` the user's own keys.

    Returns
    -------
    Path or None
        Where the keys that were there before are kept; None where there were none.

    Raises
    ------
    OutputError
        The key directory cannot be written; the keys that were there stay.
    """
    return replace_key_file(config.keys_dir() / FILE_NAME, identity.to_json())
