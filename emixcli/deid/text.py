"""Free text cleaned by an allow-list of words (PS3.15 section E.3.5), and by what is known.

Nobody can list all names, so words are kept rather than removed: those of the standard and of
descriptions of examinations, numbers of up to four digits, and both together as in `T2` or `5mm`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.deid import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from emixcli.deid.identity import Identity
    from emixcli.deid.textdates import TextDates

#: A new UID, as `scrub` writes it into text.
_NEW_UID: Final = r"(?<![\d.])2\.25\.\d{30,39}(?!\.?\d)"
_OWN: Final = re.compile(_NEW_UID)
_WORD: Final = re.compile(rf"{_NEW_UID}|[^\W_]+")
_PARTS: Final = re.compile(r"\d+|[^\W\d_]+")
_DIGITS: Final = re.compile(r"\d+")
_UID: Final = re.compile(r"(?<![\d.])(?:2\.25\.\d{6,39}|[0-2](?:\.\d{1,39}){4,30})(?!\.?\d)")
_MAIL: Final = re.compile(r"(?<![^\s@])[^\s@]+@[^\s@]+\.\w+|\b\w+://\S+|\bwww\.\S+", re.IGNORECASE)
#: Numbers of people that have a form of their own: social security, telephone (also the health
#: service of England), bank account, card, French identity. Versions and serial numbers have none.
_PERSONAL: Final = re.compile(
    r"(?<![\w.])(?:"
    r"\d{3}-\d\d-\d{4}|\(?\d{3}\)?[-. ]\d{3}[-. ]\d{4}|\+\d{1,3}(?:[-./ ()]{0,2}\d){7,12}|"
    r"0\d{2,4}[-/ ]\d{3}[- ]?\d{4}|"
    r"[A-Z]{2}\d\d(?: [A-Z\d]{4}){3,7}(?: [A-Z\d]{1,3})?|[3-6]\d{3}(?:[- ]\d{4}){3}|"
    r"[12] ?\d\d ?\d\d ?\d[\dAB] ?\d{3} ?\d{3} ?\d\d"
    r")(?![\w.]*\w)"
)
_BLANKS: Final = re.compile(r"[ \t]{2,}")
_SHORTEST_UID: Final = 14
_MOST_DIGITS: Final = 4
#: Numbers that belong together, as those of telephones, insurances and cards are written.
_RUN: Final = re.compile(rf"{_NEW_UID}|\d+(?:[-./ _()+]{{1,3}}\d+)+")
_MOST_JOINED_DIGITS: Final = 5
#: Numbers of a row of b values, which rise, as in `b50_400_800`.
_ROUND: Final = re.compile(r"0|\d{0,2}[05]0")
#: Words of what is written together: `SpinalCord`, `eADC`, `GTVp`.
_HUMPS: Final = re.compile(r"[A-Z]{2,}(?=[a-z]$)|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: A date that was shifted or may stay: `scrub` leaves no other.
_DAY: Final = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}")
#: `C01X00T47` changes from letters to digits as numbers of passports do; `512x512x16` is a size,
#: `pT2N0M0` the stage of a tumour.
_MOST_PARTS: Final = 3
_SIZE: Final = re.compile(r"\d+(?:x\d+)+")
_STAGE: Final = re.compile(r"[cpry]{0,2}t(?:[0-4x][a-d]?|is)n[0-3x][a-c]?(?:m[01x][a-c]?)?")
#: Letters of the shortest word of a joined one.
_SHORT_WORD: Final = 3
_CONTROLS: Final = dict.fromkeys(set(range(32)) - {9, 10, 12, 13} | {127})


class TextCleaner(NamedTuple):
    """Cleans the text of one patient.

    Attributes
    ----------
    identity
        What is known of the patient.
    map_uid
        Gives the new UID for one that stands in text; None where UIDs are retained.
    dates
        What happens to dates.
    """

    identity: Identity
    map_uid: Callable[[str], str] | None
    dates: TextDates

    def scrub(self, text: str, *, is_free: bool = False) -> str:
        """Return text without known values, with new UIDs, and with its dates treated.

        Parameters
        ----------
        is_free
            Whether it is no text about technique, where versions look like dates.
        """
        cleaned = text
        if self.map_uid is not None and cleaned.count(".") >= 2:
            cleaned = _UID.sub(self._new_uid, cleaned)
        if "@" in cleaned or "://" in cleaned or "www." in cleaned.lower():
            cleaned = _MAIL.sub("", cleaned)
        cleaned = self.identity.scrub(cleaned)
        cleaned = self.dates.replace(cleaned, is_free=is_free)
        cleaned = _PERSONAL.sub("", cleaned)
        return text if cleaned == text else _tidy(cleaned)

    def allow(self, text: str) -> str:
        """Return what is left of text by the allow-list."""
        scrubbed = self.scrub(text, is_free=True)
        cleaned = _WORD.sub(self._allowed, scrubbed)
        if cleaned != text:
            cleaned = _tidy(cleaned)
        found = _RUN.sub(_allowed_run, cleaned)
        return cleaned if found == cleaned else _tidy(found)

    def _allowed(self, match: re.Match[str]) -> str:
        word = match.group()
        return word if _is_allowed(word) else ""

    def _new_uid(self, match: re.Match[str]) -> str:
        uid = match.group()
        if len(uid) < _SHORTEST_UID or self.map_uid is None:
            return uid
        return self.map_uid(uid)


@lru_cache(maxsize=4096)
def _is_allowed(word: str) -> bool:
    words = tables.vocabulary()
    lowered = word.lower()
    if lowered in words:
        return True
    if not word.isascii():
        return False
    if "." in word or _STAGE.fullmatch(lowered):  # a new UID has points
        return True
    parts = _PARTS.findall(word)
    if len(parts) > _MOST_PARTS and _SIZE.fullmatch(lowered) is None:
        return False
    for part in parts:
        if part.isdigit():
            if len(part) > _MOST_DIGITS:
                return False
        elif len(part) > 1 and part.lower() not in words and not _is_compound(part):
            return False
    return True


def _is_compound(word: str) -> bool:
    """Whether letters are words that capitals join, some with a small letter before or behind."""
    words = tables.vocabulary()
    humps = _HUMPS.findall(word)
    return len(humps) > 1 and all(
        hump.lower() in words if len(hump) >= _SHORT_WORD else len(hump) == 1 and hump.islower()
        for hump in humps
    )


def _allowed_run(match: re.Match[str]) -> str:
    run = match.group()
    n_digits = sum(map(str.isdigit, run))
    if n_digits <= _MOST_JOINED_DIGITS or _OWN.fullmatch(run) or _DAY.fullmatch(run):
        return run
    numbers = _DIGITS.findall(run)
    is_row = all(int(first) < int(then) for first, then in pairwise(numbers))
    return run if is_row and all(map(_ROUND.fullmatch, numbers)) else ""


def without_controls(text: str) -> str:
    """Return text up to the first NUL, without control characters (PS3.5 section 6.1.3)."""
    return text.split("\0", 1)[0].translate(_CONTROLS)


def _tidy(text: str) -> str:
    return _BLANKS.sub(" ", text).strip(" -_/,;:")
