"""Letters that look like others: foreign ones, and Latin ones that are taken for each other."""

from __future__ import annotations

import unicodedata

from emixcli.guard.tables import mail_tables

_ALIKE = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))


def look(text: str) -> str:
    """What an ASCII text looks like: two texts with the same look are taken for each other."""
    for written, seen in _ALIKE:
        text = text.replace(written, seen)
    return text


def latin(text: str) -> str:
    """The text in plain Latin letters, as a reader takes it; what has no look is left out."""
    letters = mail_tables().letters
    plain = "".join(letters.get(letter, letter) for letter in text)
    return unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode("ascii")


def scripts(text: str) -> set[str]:
    """The scripts that letters of the text belong to, as `CYRILLIC`, by Unicode's names."""
    return {unicodedata.name(letter, "?").split(" ")[0] for letter in text if letter.isalpha()}
