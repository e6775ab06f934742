"""WinZip AES-256 (AE-2) encryption of one entry, as fast as the machine's AES and SHA-1 are.

AE-2 is AES in counter mode with a little-endian counter that starts at 1, which no library offers
at speed: the key stream is made by AES-ECB over an array of counters and XORed by numpy.
"""

from __future__ import annotations

import functools
import hmac

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

SALT, VERIFIER, MAC = 16, 2, 10
#: What AE-2 adds to the data of an entry.
OVERHEAD = SALT + VERIFIER + MAC
_ROUNDS = 1000
_BLOCK = 16
#: Bytes of key stream made at once: fits the second-level cache.
PIECE = 256 * 1024


def make_salt(key: bytes, name: str, identity: bytes, attempt: int) -> bytes:
    """Return the salt of an entry: one for each key, name, encrypted bytes and attempt.

    Parameters
    ----------
    key
        The package key.
    name
        The name of the entry.
    identity
        What tells the bytes that will be encrypted from all others: SHA-256 of the content, then
        length (8 bytes) and CRC-32 (4 bytes) of it after compression, little-endian. The last two
        part what two versions of the compressor make of one content.
    attempt
        0, counted up while the encrypted entry cannot stand in a page.
    """
    message = b"emix/v1/salt\0" + name.encode("ascii") + b"\0" + identity
    return hmac.digest(key, message + attempt.to_bytes(4, "little"), "sha256")[:SALT]


@functools.lru_cache(maxsize=1)
def _counters() -> npt.NDArray[np.uint64]:
    """Return the blocks 1, 2, 3 …: shape (blocks, 2), little-endian halves; never changed."""
    blocks = np.zeros((PIECE // _BLOCK, 2), dtype="<u8")
    blocks[:, 0] = np.arange(1, PIECE // _BLOCK + 1)
    blocks.setflags(write=False)
    return blocks


class EntryCipher:
    """Encrypts the bytes of one entry in order; also decrypts, as counter mode does.

    Parameters
    ----------
    password
        The ZIP password, ASCII.
    salt
        16 bytes, never used for other bytes.
    """

    def __init__(self, password: bytes, salt: bytes) -> None:
        sha1 = SHA1()  # noqa: S303 - the format's
        derived = PBKDF2HMAC(sha1, 2 * 32 + VERIFIER, salt, _ROUNDS).derive(password)
        self._mac_key = derived[32:64]
        self.verifier = derived[64:]
        ecb = modes.ECB()  # noqa: S305 - over counters: this is CTR
        self._aes = Cipher(algorithms.AES(derived[:32]), ecb).encryptor()
        self._mac = hmac.new(self._mac_key, digestmod="sha1")
        self._stream = bytearray(PIECE + _BLOCK)
        self._next_block = 0

    def apply(self, data: bytes | bytearray | memoryview, out: memoryview) -> None:
        """Write `data` XOR key stream to `out`, of the same length.

        Pieces but the last must be whole multiples of 16 bytes. `data` and `out` may be the same.
        """
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            self._apply_piece(view[start : start + PIECE], out[start : start + PIECE])

    def _apply_piece(self, data: memoryview, out: memoryview) -> None:
        blocks = -(-len(data) // _BLOCK)
        counters = _counters()[:blocks]
        if self._next_block:
            counters = counters.copy()
            counters[:, 0] += self._next_block
        self._next_block += blocks
        self._aes.update_into(counters.data.cast("B"), self._stream)
        stream = np.frombuffer(self._stream, dtype=np.uint8, count=len(data))
        np.bitwise_xor(
            np.frombuffer(data, dtype=np.uint8), stream, out=np.frombuffer(out, dtype=np.uint8)
        )

    def authenticate(self, ciphertext: bytes | bytearray | memoryview) -> None:
        """Count `ciphertext` into the authentication code."""
        self._mac.update(ciphertext)

    def mac(self) -> bytes:
        """Return the authentication code of what was authenticated, 10 bytes."""
        return self._mac.digest()[:MAC]

    def mac_of(self, ciphertext: memoryview) -> bytes:
        """Return the authentication code of a whole ciphertext at once: faster."""
        return hmac.digest(self._mac_key, ciphertext, "sha1")[:MAC]
