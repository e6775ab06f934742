"""Letters and digits that are written in more than one way, as they are compared."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

#: Letters that Unicode does not take apart, as those write them who have no key for them.
_PLAIN: Final = {
    "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i",
    "ħ": "h", "ŧ": "t", "ŋ": "n", "ĸ": "k", "ə": "e", "ɓ": "b", "ɗ": "d", "ƴ": "y", "ŀ": "l",
}  # fmt: skip
#: Vowels with dots or rings, written with two letters or one.
_DOUBLE: Final = {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "đ": "dj"}
_DOUBLED: Final = re.compile(r"([aou])e|(a)a|(d)j", re.IGNORECASE)
_CYRILLIC: Final = {
    **dict(zip("абвгдеёзийклмнопрстуфыэіїєґ", "abvgdeeziiklmnoprstufyeiieg", strict=True)),
    "ж": "zh", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ь": "",
    "ю": "yu", "я": "ya",
}  # fmt: skip


def common(character: str) -> str:
    """Return a letter, in lower case and without accents, as it is compared.

    Hiragana become katakana, digits of any script those of ASCII.
    """
    if character.isascii():
        return character
    if "ぁ" <= character <= "ゖ":
        return chr(ord(character) + 0x60)
    digit = unicodedata.decimal(character, None)
    return _PLAIN.get(character, character) if digit is None else str(digit)


def spellings(name: str) -> set[str]:
    """Return a part of a name in lower case, and as it is transcribed, either way."""
    name = unicodedata.normalize("NFC", name.lower())
    found = {name}
    if name.isascii():
        found.add(_DOUBLED.sub(lambda match: "".join(filter(None, match.groups())), name))
        return found
    found.add("".join(_DOUBLE.get(letter, letter) for letter in name))
    if any(letter in _CYRILLIC for letter in name):
        found.add("".join(_CYRILLIC.get(letter, letter) for letter in name))
    return found
