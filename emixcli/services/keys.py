"""The own keys, from one machine to another under a passphrase."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from emixcli.container.encoding import from_base64url, to_base64url, to_json
from emixcli.container.identity import (
    Identity,
    load_identity,
    parse_identity,
    read_document,
    replace_identity,
)
from emixcli.container.slots import KEY_LENGTH, make_passphrase_slot, open_passphrase_slot
from emixcli.errors import (
    NoMatchingKeyError,
    OutputExistsError,
    PackageDamagedError,
    PassphraseError,
)

_KIND = "private-key-export"
#: Stands where a slot of a package has the package's id.
_BOUND_TO = "keys-export"
_MAX_FILE = 65536


@dataclass(frozen=True)
class Imported:
    """Keys that are now the own ones; `kept` is where other keys went that were there before."""

    fingerprint: str
    already: bool
    kept: Path | None = None


def export_keys(passphrase: str) -> bytes:
    """Return the own keys, encrypted under a passphrase, as one line of JSON.

    Raises
    ------
    PassphraseError
        Too weak.
    NoMatchingKeyError
        There are no own keys yet.
    """
    identity = load_identity(create=False)
    key, nonce = secrets.token_bytes(KEY_LENGTH), secrets.token_bytes(12)
    fingerprint = identity.fingerprint()
    sealed = AESGCM(key).encrypt(nonce, identity.to_json(), fingerprint.encode("ascii"))
    return to_json(
        {
            "emix": _KIND,
            "v": 1,
            "fingerprint": fingerprint,
            "slot": make_passphrase_slot(passphrase, key, package_id=_BOUND_TO),
            "nonce": to_base64url(nonce),
            "keys": to_base64url(sealed),
        }
    )


def read_export(path: Path, passphrase: str) -> Identity:
    """Return the keys in a file that `export_keys` made.

    Raises
    ------
    PassphraseError
        It is another passphrase.
    NoMatchingKeyError
        The file is none, cannot be read, or is damaged.
    """
    try:
        with path.open("rb") as file:
            document = read_document(file.read(_MAX_FILE), _KIND)
        key = open_passphrase_slot(document["slot"], passphrase, package_id=_BOUND_TO)
        nonce, sealed = from_base64url(document["nonce"]), from_base64url(document["keys"])
        bound = str(document["fingerprint"]).encode("ascii")
        identity = parse_identity(AESGCM(key).decrypt(nonce, sealed, bound))
    except NoMatchingKeyError as exc:
        raise PassphraseError(
            "the passphrase does not open the exported keys", hint="type it as it was at the export"
        ) from exc
    except OSError as exc:
        raise NoMatchingKeyError(
            "the exported keys cannot be read", hint="check the file name"
        ) from exc
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        InvalidTag,
        PackageDamagedError,
    ) as exc:
        raise NoMatchingKeyError(
            "these are no exported keys, or they are damaged",
            hint="make them with emix keys export --private",
        ) from exc
    return identity


def find_own() -> str | None:
    """Return the fingerprint of the own keys, None where there are none."""
    try:
        return load_identity(create=False).fingerprint()
    except NoMatchingKeyError:
        return None


def import_keys(identity: Identity, *, replace: bool) -> Imported:
    """Make keys the own ones.

    Parameters
    ----------
    replace
        Whether they may take the place of others, which are kept beside them.

    Raises
    ------
    OutputExistsError
        There are others.
    """
    fingerprint, present = identity.fingerprint(), find_own()
    if present == fingerprint:
        return Imported(fingerprint, already=True)
    if present is not None and not replace:
        raise OutputExistsError(
            "this machine has other keys already",
            hint="--replace takes the new ones and keeps the old ones beside them",
        )
    return Imported(fingerprint, already=False, kept=replace_identity(identity))
