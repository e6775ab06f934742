"""Coded values and technical text: what is made of terms of the standard and of devices stays.

Nobody can list all names, nor all words that devices write. Words that are neither in the standard
nor known of devices go; short codes and numbers, as in `VA44A` or `*fl3d1r_t70`, stay.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from emixcli.deid import tables

_LETTERS: Final = re.compile(r"[^\W\d_]+")
_WORD: Final = re.compile(r"[^\W_]+")
_PARTS: Final = re.compile(r"\d+|[^\W\d_]+")
#: Words of what is written together: `LightSpeed`, `MRApps`.
_HUMPS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
#: Numbers that belong together, as those of telephones, but not those of versions.
_RUN: Final = re.compile(r"(?<!\w)\d+(?:[- ()/+]{1,3}\d+)+")
_BLANKS: Final = re.compile(r"[ \t]{2,}")
#: Lossy compression by the number of its ISO standard (PS3.3 section C.7.6.1.1.5).
_ISO: Final = re.compile(r"ISO_\d{4,5}(?:_\d{1,2})?")
_SHORT: Final = 3
_LONGEST_IN_CODE: Final = 4
_SHORTEST_JOINED: Final = 8
_LONGEST_JOINED: Final = 40
#: `C01X00T47` changes between letters and digits as numbers of passports do.
_MOST_PARTS: Final = 5
_MOST_DIGITS: Final = 5
_MOST_DIGITS_OF_WORD: Final = 8


def is_term(code: str) -> bool:
    """Whether one value of VR CS may be a defined term: known words, short codes, few digits."""
    if sum(map(str.isdigit, code)) > _MOST_DIGITS and _ISO.fullmatch(code) is None:
        return False
    return all(
        len(_PARTS.findall(word)) <= _MOST_PARTS
        and all(len(part) <= _SHORT or _is_known(part) for part in _LETTERS.findall(word))
        for word in _WORD.findall(code)
    )


def technical(text: str) -> str:
    """Return what may stay of the name or version of a device, a technique or a unit."""
    cleaned = _WORD.sub(lambda match: _allowed(match.group()), text)
    cleaned = _RUN.sub(_allowed_run, cleaned)
    return text if cleaned == text else _BLANKS.sub(" ", cleaned).strip(" -_/,;:.")


@lru_cache(maxsize=4096)
def _allowed(word: str) -> str:
    parts = _PARTS.findall(word)
    if len(parts) > _MOST_PARTS:
        return ""
    if sum(map(len, filter(str.isdigit, parts))) > _MOST_DIGITS_OF_WORD:
        return ""
    is_code = len(parts) > 1
    return word if all(_is_allowed(part, is_code=is_code) for part in parts) else ""


def _allowed_run(match: re.Match[str]) -> str:
    run = match.group()
    return run if sum(map(str.isdigit, run)) <= _MOST_DIGITS_OF_WORD else ""


def _is_allowed(part: str, *, is_code: bool) -> bool:
    if part.isdigit():
        return part.isascii()
    if _is_known(part):
        return True
    if not part.isascii():
        return False
    if is_code and len(part) <= _LONGEST_IN_CODE:
        return True
    if len(part) < _SHORT or (len(part) == _SHORT and part.isupper()):
        return True
    humps = _HUMPS.findall(part)
    return any(len(hump) >= _SHORT and _is_known(hump) for hump in humps) and all(
        len(hump) < _SHORT or (hump.isupper() and len(hump) == _SHORT) or _is_known(hump)
        for hump in humps
    )


def _is_known(part: str) -> bool:
    """Whether a word, or two written together, is known."""
    lowered = part.lower()
    if _is_word(lowered):
        return True
    if not _SHORTEST_JOINED <= len(lowered) <= _LONGEST_JOINED:
        return False
    return any(
        _is_word(lowered[:at]) and _is_word(lowered[at:])
        for at in range(_SHORT, len(lowered) - _SHORT + 1)
    )


def _is_word(word: str) -> bool:
    return word in tables.vocabulary() or word in tables.terms()
