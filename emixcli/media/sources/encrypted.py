"""Encrypted members of a ZIP file: WinZip AES (AE-1 and AE-2), and the older ZipCrypto.

APPNOTE 6.3 section 6.1, and section 4.5 with the extra field 0x9901 of WinZip.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import struct
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from emixcli.media.sources.base import DamagedContentError

if TYPE_CHECKING:
    from emixcli.media.sources.base import Bytes

#: Asked once, and only where a member is encrypted.
Password = Callable[[], bytes]
#: The method of a member whose own one is in the extra field.
AES: Final = 99
_FIELD: Final = 0x9901
#: How a member is packed is kept in one number: its method, and above it the strength of AES
#: (1-3), whether it is AE-2, which has no CRC, and whether it is ZipCrypto.
_METHOD: Final = 0xFF
_STRENGTH: Final = 8
_IS_AE2: Final = 0x400
ZIP_CRYPTO: Final = 0x800
_VERIFIER: Final = 2
_MAC: Final = 10
_ROUNDS: Final = 1000
_BLOCK: Final = 16
_HEAD: Final = 12
_STREAMED: Final = 8
_PIECE: Final = 64 * 1024


class WrongPasswordError(OSError):
    """The password is not that of the member."""


def aes_method(extra: bytes) -> int:
    """Return method, strength and version from the extra fields of a member of method 99.

    `AES` itself, which nobody unpacks, where they do not say.
    """
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _FIELD and length >= 7 and len(extra) >= 11:
            version, _, strength, method = struct.unpack_from("<H2sBH", extra, 4)
            if version in (1, 2) and strength in (1, 2, 3) and method <= _METHOD and method != AES:
                return int(method | strength << _STRENGTH | (_IS_AE2 if version == 2 else 0))
        extra = extra[4 + length :]
    return AES


def is_aes(method: int) -> bool:
    """Whether a member is encrypted by AES."""
    return bool(method >> _STRENGTH & 3)


def plain_method(method: int) -> int:
    """Return the method of the member once it is decrypted."""
    return method & _METHOD


def has_crc(method: int) -> bool:
    """Whether the CRC of a member is that of its content."""
    return not method & _IS_AE2


def decrypted(packed: Bytes, method: int, password: bytes, header: tuple[int, ...]) -> Bytes:
    """Return the packed content of a member.

    Parameters
    ----------
    header
        Flags, method, time, date and CRC of its local header.

    Raises
    ------
    WrongPasswordError
        If it is not the password.
    """
    if method & ZIP_CRYPTO:
        flags, _, time, _, crc = header
        return _ZipCrypto(packed, password, time >> 8 if flags & _STREAMED else crc >> 24)
    return _Aes(packed, password, method >> _STRENGTH & 3)


class _Aes:
    """AES in counter mode, with a little-endian counter that begins at 1."""

    is_random = True

    def __init__(self, packed: Bytes, password: bytes, strength: int) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        n_key, n_salt = 8 + 8 * strength, 4 + 4 * strength
        self._packed = packed
        self._start = n_salt + _VERIFIER
        self.size = packed.size - self._start - _MAC
        head = packed.read_at(0, self._start)
        if self.size < 0 or len(head) < self._start:
            raise DamagedContentError("damaged member of an archive")
        derived = hashlib.pbkdf2_hmac("sha1", password, head[:n_salt], _ROUNDS, 2 * n_key + 2)
        if not hmac.compare_digest(derived[-2:], head[n_salt:]):
            raise WrongPasswordError("not the password of the archive")
        self._mac = hmac.new(derived[n_key : 2 * n_key], digestmod="sha1")
        self._n_checked = 0
        ecb = modes.ECB()  # noqa: S305 - over counters: this is CTR
        self._aes = Cipher(algorithms.AES(derived[:n_key]), ecb).encryptor()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end; who reads all in order is told of damage.

        Raises
        ------
        OSError
            If the medium cannot be read, or the content is not what was encrypted.
        """
        length = max(0, min(length, self.size - offset))
        data = self._packed.read_at(self._start + offset, length)
        self._check(offset, data)
        first, last = offset // _BLOCK, -(-(offset + len(data)) // _BLOCK)
        counters = b"".join((at + 1).to_bytes(_BLOCK, "little") for at in range(first, last))
        shift = offset - first * _BLOCK
        stream = self._aes.update(counters)[shift : shift + len(data)]
        found = int.from_bytes(data, "little") ^ int.from_bytes(stream, "little")
        return found.to_bytes(len(data), "little")

    def _check(self, offset: int, data: bytes) -> None:
        if offset > self._n_checked:
            return
        self._mac.update(data[self._n_checked - offset :])
        self._n_checked = max(self._n_checked, offset + len(data))
        if self._n_checked == self.size and data:
            wanted = self._packed.read_at(self._start + self.size, _MAC)
            if not hmac.compare_digest(self._mac.digest()[:_MAC], wanted):
                raise DamagedContentError("damaged member of an archive")

    def close(self) -> None:
        """Close the archive's part."""
        self._packed.close()


@functools.cache
def _crcs() -> tuple[int, ...]:
    """Return the table of CRC-32."""
    return tuple(zlib.crc32(bytes([n]), 0xFFFFFFFF) ^ 0xFFFFFFFF for n in range(256))


class _ZipCrypto:
    """The stream cipher of PKWARE, byte by byte: a read that goes back begins again."""

    is_random = False

    def __init__(self, packed: Bytes, password: bytes, check: int) -> None:
        self._packed = packed
        self.size = packed.size - _HEAD
        self._keys = (0x12345678, 0x23456789, 0x34567890)
        for byte in password:
            self._keys = _updated(self._keys, byte)
        self._begin()
        if self._head[-1:] != bytes([check & 0xFF]):
            raise WrongPasswordError("not the password of the archive")

    def _begin(self) -> None:
        self._state, self._at = self._keys, 0
        self._head = self._decrypt(self._packed.read_at(0, _HEAD))

    def read_at(self, offset: int, length: int) -> bytes:
        """Return `length` bytes, fewer only at the end."""
        if offset < self._at:
            self._begin()
        while self._at < offset and self._next(min(_PIECE, offset - self._at)):
            pass
        return self._next(max(0, min(length, self.size - offset))) if self._at == offset else b""

    def _next(self, length: int) -> bytes:
        data = self._decrypt(self._packed.read_at(_HEAD + self._at, length))
        self._at += len(data)
        return data

    def _decrypt(self, data: bytes) -> bytes:
        crcs, (a, b, c) = _crcs(), self._state
        out = bytearray()
        for byte in data:
            k = c | 2
            plain = byte ^ (k * (k ^ 1) >> 8) & 0xFF
            a = a >> 8 ^ crcs[(a ^ plain) & 0xFF]
            b = (b + (a & 0xFF)) * 134775813 + 1 & 0xFFFFFFFF
            c = c >> 8 ^ crcs[(c ^ b >> 24) & 0xFF]
            out.append(plain)
        self._state = (a, b, c)
        return bytes(out)

    def close(self) -> None:
        """Close the archive's part."""
        self._packed.close()


def _updated(keys: tuple[int, int, int], byte: int) -> tuple[int, int, int]:
    crcs, (a, b, c) = _crcs(), keys
    a = a >> 8 ^ crcs[(a ^ byte) & 0xFF]
    b = (b + (a & 0xFF)) * 134775813 + 1 & 0xFFFFFFFF
    return a, b, c >> 8 ^ crcs[(c ^ b >> 24) & 0xFF]
