"""Text that is written as numbers of characters: percent signs, hexadecimal digits, entities."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_QUOTED: Final = re.compile(r"(?:=[0-9A-Fa-f]{2})+")
_ENTITY: Final = re.compile(r"&#(?:x([0-9A-Fa-f]{1,6})|(\d{1,7}));?")
#: Pairs of digits with nothing, or one sign, between them: at least five characters.
_HEX: Final = re.compile(
    r"(?<![0-9A-Fa-f])(?:0x)?[0-9A-Fa-f]{2}(?:[ :,_.-]?(?:0x)?[0-9A-Fa-f]{2}){4,}(?![0-9A-Fa-f])"
)
_PAIR: Final = re.compile(r"(?:0x)?([0-9A-Fa-f]{2})")
_LAST: Final = 0x10FFFF


def iter_decoded(text: str) -> Iterator[str]:
    """Yield what a text may say to who decodes it; nothing where it is not written so."""
    if "%" in text and _PERCENT.search(text):
        yield _PERCENT.sub(lambda match: _bytes(match.group(), r"%"), text)
    if "=" in text and _QUOTED.search(text):
        yield _QUOTED.sub(lambda match: _bytes(match.group(), r"="), text)
    if "&#" in text:
        yield _ENTITY.sub(_character, text)
    for match in _HEX.finditer(text):
        raw = bytes(int(pair, 16) for pair in _PAIR.findall(match.group()))
        yield raw.replace(b"\0", b"").decode("utf-8", "replace")


def _bytes(run: str, sign: str) -> str:
    return bytes.fromhex(run.replace(sign, "")).decode("utf-8", "replace")


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16) if match[1] else int(match[2])
    return chr(number) if number <= _LAST else ""
