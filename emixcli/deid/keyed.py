"""What follows from the key alone: UIDs, pseudonyms and the shift of a patient's dates.

Everything is HMAC-SHA-256, so that who lacks the key cannot go back by trying (PS3.15 section
E.1.1). UIDs and pseudonyms carry a mark that only the key's holder can make: what was made with
the same key is recognised and stays as it is, so that de-identifying twice changes nothing.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

from emixcli.deid.publicuids import is_public

_STANDARD: Final = "1.2.840.10008."
_OWN_UID: Final = re.compile(r"2\.25\.(\d{30,39})")
_OWN_NAME: Final = re.compile(r"ANON-([0-9A-HJKMNP-TV-Z]{20})")
_DIGITS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MARK_BITS: Final = 42
_NAME_MARK_BITS: Final = 30
_CACHE_LIMIT: Final = 20_000


class Keyed:
    """Values made from one key.

    Parameters
    ----------
    key
        Secret bytes.
    max_shift_days
        Dates move back by 1 to so many days.
    """

    def __init__(self, key: bytes, max_shift_days: int) -> None:
        names = ("uid", "uid-mark", "patient", "patient-mark", "shift")
        keys = [hmac.digest(key, b"emix/deid/1/" + name.encode(), "sha256") for name in names]
        self._uid, self._uid_mark, self._patient, self._patient_mark, self._shift = keys
        self._max_shift_days = max_shift_days
        self._uids: dict[str, str] = {}

    def uid(self, old: str) -> str:
        """Return the new UID; UIDs of the standard, and those made with this key, stay."""
        new = self._uids.get(old)
        if new is None:
            if len(self._uids) >= _CACHE_LIMIT:
                self._uids.clear()
            is_fixed = (old.startswith(_STANDARD) and is_public(old)) or self.is_own_uid(old)
            new = self._uids[old] = old if is_fixed else self._new_uid(old)
        return new

    def _new_uid(self, old: str) -> str:
        body = hmac.digest(self._uid, old.encode("utf-8", "replace"), "sha256")[:10]
        bits = int.from_bytes(body, "big") << _MARK_BITS | self._mark(self._uid_mark, body)
        # The layout of a UUID of version 8 (RFC 9562 section 5.8), as PS3.5 section B.2 asks.
        high, middle, low = bits >> 74, bits >> 62 & 0xFFF, bits & (1 << 62) - 1
        return f"2.25.{high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low}"

    def is_own_uid(self, uid: str) -> bool:
        """Whether a UID was made with this key."""
        found = _OWN_UID.fullmatch(uid)
        if found is None:
            return False
        number = int(found[1])
        if number >> 76 & 15 != 8 or number >> 62 & 3 != 2 or number >> 128:
            return False
        bits = (number >> 80) << 74 | (number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1
        body = (bits >> _MARK_BITS).to_bytes(10, "big")
        return bits & (1 << _MARK_BITS) - 1 == self._mark(self._uid_mark, body)

    def pseudonym(self, patient: str) -> str:
        """Return the name and ID that stand for a patient."""
        if self.is_own_pseudonym(patient):
            return patient
        digest = hmac.digest(self._patient, patient.encode("utf-8", "replace"), "sha256")
        body = int.from_bytes(digest[:9], "big") >> 2  # 70 bits
        number = body << _NAME_MARK_BITS | self._name_mark(body)
        digits = [_DIGITS[number >> shift & 31] for shift in range(95, -1, -5)]
        return "ANON-" + "".join(digits)

    def is_own_pseudonym(self, text: str) -> bool:
        """Whether a pseudonym was made with this key."""
        found = _OWN_NAME.fullmatch(text)
        if found is None:
            return False
        number = 0
        for digit in found[1]:
            number = number << 5 | _DIGITS.index(digit)
        body = number >> _NAME_MARK_BITS
        return number & (1 << _NAME_MARK_BITS) - 1 == self._name_mark(body)

    def is_own(self, text: str) -> bool:
        """Whether a UID or pseudonym was made with this key."""
        return self.is_own_uid(text) or self.is_own_pseudonym(text)

    def shift_days(self, patient: str) -> int:
        """Return by how many days a patient's dates move: below 0, or 0 where they have moved."""
        if self.is_own_pseudonym(patient):
            return 0
        digest = hmac.digest(self._shift, patient.encode("utf-8", "replace"), "sha256")
        return -1 - int.from_bytes(digest[:8], "big") % self._max_shift_days

    def _name_mark(self, body: int) -> int:
        return self._mark(self._patient_mark, body.to_bytes(9, "big")) >> (
            _MARK_BITS - _NAME_MARK_BITS
        )

    @staticmethod
    def _mark(key: bytes, body: bytes) -> int:
        digest = hmac.digest(key, body, "sha256")
        return int.from_bytes(digest[:6], "big") >> (48 - _MARK_BITS)
