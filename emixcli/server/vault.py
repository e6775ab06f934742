"""The secrets of an exchange, kept outside its database.

One master key lies in DATA/secrets (mode 0600); every use has a key of its own, derived by HKDF.
Whoever steals the database alone can check no access code, no mail code, no link, and unwrap
nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from emixcli.container.encoding import new_package_id, to_base64url
from emixcli.errors import UsageError
from emixcli.wholefile import create_whole

SECRETS_NAME = "secrets"
_NONCE = 12


def new_id() -> str:
    """26 lower-case characters that say nothing and cannot be guessed (128 bits)."""
    return new_package_id()


def new_token(prefix: str) -> str:
    """A bearer token of 256 bits with a prefix that secret scanners can know."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def token_hash(token: str) -> str:
    """What is stored of a token: its SHA-256; 128 random bits and more need no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Vault:
    """Derives and uses the keys of one exchange."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._key = lru_cache(maxsize=16)(self._derive)

    def _derive(self, purpose: str) -> bytes:
        info = b"emix-exchange/v1/" + purpose.encode()
        return HKDF(algorithm=SHA256(), length=32, salt=b"", info=info).derive(self._master)

    def mac(self, purpose: str, *parts: bytes | str) -> bytes:
        """HMAC-SHA-256 over the parts, each preceded by its length."""
        state = hmac.new(self._key(purpose), digestmod="sha256")
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            state.update(len(data).to_bytes(8) + data)
        return state.digest()

    def encrypt(self, purpose: str, plain: bytes, bound_to: str) -> bytes:
        """AES-256-GCM under the purpose's key; `bound_to` must be given again to decrypt."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._key(purpose)).encrypt(nonce, plain, bound_to.encode())

    def decrypt(self, purpose: str, sealed: bytes, bound_to: str) -> bytes:
        """The plaintext of `encrypt`.

        Raises
        ------
        UsageError
            The secrets file is not the one that belongs to this database.
        """
        try:
            return AESGCM(self._key(purpose)).decrypt(
                sealed[:_NONCE], sealed[_NONCE:], bound_to.encode()
            )
        except InvalidTag as exc:
            message = "the secrets file does not belong to this database"
            raise UsageError(message, hint="restore both from the same backup") from exc

    def link_token(self, share_id: str) -> str:
        """The token in a share's link (160 bits): made again when needed, never stored."""
        return to_base64url(self.mac("link", share_id)[:20])

    def one_time_code(self, share_id: str, salt: bytes) -> str:
        """The six digits mailed to a recipient: only the random salt is stored."""
        number = int.from_bytes(self.mac("otp", share_id, salt)[:16])
        return f"{number % 1_000_000:06d}"

    def fingerprint(self) -> str:
        """Kept in the database, so that a wrong secrets file is noticed at the start."""
        return self.mac("fingerprint", "exchange").hex()[:32]


def create_vault(path: Path) -> Vault:
    """Write a new secrets file (mode 0600, never overwriting one) and return its vault."""
    master = secrets.token_bytes(32)
    document = {"v": 1, "master": base64.b64encode(master).decode()}
    create_whole(path, json.dumps(document).encode("ascii"))
    return Vault(master)


def load_vault(path: Path) -> Vault:
    """The vault of an exchange.

    Raises
    ------
    UsageError
        The file is missing, damaged, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        document = json.loads(path.read_text(encoding="ascii"))
        master = base64.b64decode(document["master"], validate=True)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        message = "the secrets file of the exchange cannot be read"
        raise UsageError(message, hint="restore DATA/secrets from its backup") from exc
    if os.name == "posix" and mode & 0o077:
        message = "the secrets file of the exchange is readable for others"
        raise UsageError(message, hint="chmod 600 DATA/secrets")
    if len(master) != 32:
        message = "the secrets file of the exchange is damaged"
        raise UsageError(message, hint="restore DATA/secrets from its backup")
    return Vault(master)
