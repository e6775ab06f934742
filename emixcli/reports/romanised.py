"""Names in Cyrillic and Greek letters against the many ways in which people write them in Latin.

Both are reduced to one skeleton of sounds: `Щ` is `shch`, `schtsch` and `š`, `Юрий` is `Yuri`,
`Juri` and `Yuriy`. Only a name in one script is compared so with a name in the other.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from typing import Final

_CYRILLIC_LETTERS: Final = re.compile("[\u0400-\u052f]")
_GREEK_LETTERS: Final = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")

#: What letters sound like; several ways are separated by a comma.
_CYRILLIC: Final = (
    "а=a б=b в=v г=g,h ґ=g д=d е=e ё=e,io,o ж=Z,z з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t"
    " у=u ф=f х=h ц=C ч=X ш=S,s щ=S ъ=,a ы=i ь= э=e ю=iu я=ia і=i ї=i є=e ў=u ђ=di ј=i љ=li њ=ni"
    " ћ=C џ=dZ ѓ=g ќ=k ѕ=z"
)
_GREEK: Final = (
    "ου=u αι=e ει=i οι=i αυ=av ευ=ev μπ=b ντ=d γκ=g γγ=g γι=gi,i α=a β=v γ=g δ=d ε=e ζ=z η=i θ=T"
    " ι=i κ=k λ=l μ=m ν=n ξ=ks ο=o π=p ρ=r σ=s τ=t υ=i φ=f χ=h ψ=ps ω=o"
)
#: The same of Latin letters that stand for Cyrillic and for Greek ones.
_LATIN_CYRILLIC: Final = (
    "schtsch=S shtsh=S shch=S štš=S šč=S sch=S sh=S š=S tsch=X tch=X tsh=X č=X ch=X,h zh=Z ž=Z kh=h"
    " ts=C tz=C ć=C ce=Ce ci=Ci cy=Ci ck=k c=k ph=f x=ks w=v y=i j=i đ=di q=k"
)
_LATIN_GREEK: Final = (
    "ch=h kh=h th=T ph=f ou=u ai=e ei=i oi=i au=av eu=ev mp=b nt=d gk=g gg=g ng=g x=ks y=i c=k w=o"
)

_MAX_LETTERS: Final = 100  # of a word: no name is longer


def _table(text: str) -> dict[str, tuple[str, ...]]:
    pairs = (pair.partition("=") for pair in text.split(" "))
    return {letters: tuple(sounds.split(",")) for letters, _, sounds in pairs}


@functools.lru_cache(maxsize=8192)
def sound_alike(one: str, other: str) -> bool:
    """Whether a word in Cyrillic or Greek letters is the other, in Latin letters."""
    if max(len(one), len(other)) > _MAX_LETTERS:
        return False
    for letters, foreign, latin in (
        (_CYRILLIC_LETTERS, _CYRILLIC, _LATIN_CYRILLIC), (_GREEK_LETTERS, _GREEK, _LATIN_GREEK),
    ):  # fmt: skip
        ours, theirs = bool(letters.search(one)), bool(letters.search(other))
        if ours != theirs:
            tables = (foreign, latin) if ours else (latin, foreign)
            return bool(_sounds(one, tables[0]) & _sounds(other, tables[1]))
    return False


def _sounds(word: str, table: str) -> frozenset[str]:
    """Return the skeletons of a word; a letter is read in the same way throughout."""
    known = _table(table)
    word = unicodedata.normalize("NFC", word)
    if table == _GREEK:
        word = _plain(word)
    pattern = re.compile("|".join(sorted(known, key=len, reverse=True)))
    doubtful = sorted({found for found in pattern.findall(word) if len(known[found]) > 1})
    ways = itertools.product(*(known[letters] for letters in doubtful))
    readings = [{**known, **{k: (v,) for k, v in zip(doubtful, way, strict=True)}} for way in ways]
    return frozenset(
        _skeleton("".join(_read(part, reading) for part in _parts(pattern, word)))
        for reading in readings
    )


def _parts(pattern: re.Pattern[str], word: str) -> list[str]:
    return re.findall(f"{pattern.pattern}|.", word)


def _read(part: str, reading: dict[str, tuple[str, ...]]) -> str:
    return reading.get(part, (part,))[0]


def _skeleton(word: str) -> str:
    """Drop accents, doubled letters and a glide before `e`; `-off` is `-ov`."""
    word = re.sub(r"(.)\1+", r"\1", _plain(word)).replace("ie", "e")
    return re.sub(r"of$", "ov", word)


def _plain(word: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
