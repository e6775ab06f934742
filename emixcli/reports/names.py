"""Are two person names the same person's? Across DICOM PN, HL7 XPN, CDA, CCR and plain text.

A name is a list of words in a script. What is compared is folded: case, accents, apostrophes and
hyphens, titles and particles do not count; `ü` is both `ue` and `u`; a word may be an initial; a
double name may be halved; family and given name may have changed places.
"""

from __future__ import annotations

import difflib
import enum
import functools
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from emixcli.reports.romanised import sound_alike


class Likeness(enum.IntEnum):
    """How alike two names are; the greater, the more alike."""

    DIFFERENT = 0
    GIVEN_DIFFERS = 1  # the family name agrees
    FAMILY_DIFFERS = 2  # the given name agrees: marriage
    NEAR = 3  # a slip of one letter, another middle name, a part only
    EQUAL = 4


class Script(enum.StrEnum):
    """In what a name is written: the groups of a PN (PS3.5 section 6.2.1), XPN-8 of HL7."""

    ALPHABETIC = "A"
    IDEOGRAPHIC = "I"
    PHONETIC = "P"


@dataclass(frozen=True, slots=True)
class Name:
    """One way in which a person is called.

    Parameters
    ----------
    family, given
        Folded words without titles. No family words: the order is not known, all words are `given`.
    script
        Of its letters, not what was declared.
    generation
        1 is Sr., 2 Jr. or II, 3 III; 0 where it is not said.
    """

    family: tuple[str, ...]
    given: tuple[str, ...]
    script: Script = Script.ALPHABETIC
    generation: int = 0

    @property
    def words(self) -> tuple[str, ...]:
        """All words, family name first."""
        return self.family + self.given


@dataclass(frozen=True)
class _Tables:
    """Words in names that do not tell one person from another, of `data/names.tsv`."""

    titles: frozenset[str]
    particles: frozenset[str]
    nameless: frozenset[str]
    babies: frozenset[str]
    newborn: frozenset[str]
    fillers: frozenset[str]
    generations: dict[str, int]
    ideographs: dict[int, str]


@functools.cache
def _tables() -> _Tables:
    """Return the tables; they are read once."""
    text = files("emixcli.data").joinpath("names.tsv").read_text(encoding="utf-8")
    kinds: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            kind, _, words = line.partition("\t")
            kinds.setdefault(kind, []).extend(_plain(word.strip()) for word in words.split(";"))
    one_of = {
        ord(letter): group[0]
        for group in " ".join(kinds["ideograph"]).split() for letter in group[1:]
    }  # fmt: skip
    return _Tables(
        titles=frozenset(kinds["title"]),
        particles=frozenset(kinds["particle"]),
        nameless=frozenset(kinds["nameless"]),
        babies=frozenset(kinds["baby"]),
        newborn=frozenset(kinds["newborn"]),
        fillers=frozenset(kinds["filler"]),
        generations={word: n for n in range(1, 5) for word in kinds[f"generation {n}"]},
        ideographs=one_of,
    )


_LETTERS: Final = str.maketrans(
    {
        "ß": "ss",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "ı": "i",
        "أ": "ا",
        "إ": "ا",
        "آ": "ا",
        "ٱ": "ا",
        "ة": "ه",
        "ى": "ي",
        "ی": "ي",
        "ک": "ك",
        "ـ": "",
    }
)
_DIGRAPHS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "đ": "dj"})
_LONG_O: Final = ("ou", "oo", "oh")  # ō of a Japanese name
_CYRILLIC: Final = (
    "а=a б=b в=v г=g д=d е=e ё=e ж=zh з=z и=i й=i к=k л=l м=m н=n о=o п=p р=r с=s т=t у=u ф=f"
    " х=kh ц=ts ч=ch ш=sh щ=shch ъ= ы=y ь= э=e ю=yu я=ya і=i ї=i є=e ґ=g ў=u ђ=d ј=j љ=lj њ=nj"
    " ћ=c џ=dz"
)
_GREEK: Final = (
    "α=a β=v γ=g δ=d ε=e ζ=z η=i θ=th ι=i κ=k λ=l μ=m ν=n ξ=x ο=o π=p ρ=r σ=s ς=s τ=t υ=y φ=f"
    " χ=ch ψ=ps ω=o"
)
#: Letters that are compared with Latin ones; names in others say nothing about them.
_COMPARED: Final = ("LATIN", "CYRILLIC", "GREEK")
_ROMAN: Final = str.maketrans(
    dict(pair.split("=") for alphabet in (_CYRILLIC, _GREEK) for pair in alphabet.split(" "))
)
_GREEK_ACCENTED: Final = re.compile("[\u0370-\u03ff\u1f00-\u1fff]")
_SPLIT: Final = re.compile(r"[\s\-.,'’`´ʼ*_/()]+")
_IDEOGRAPHS: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_SOUNDS: Final = re.compile(r"[\u3040-\u30ff\uac00-\ud7af\u1100-\u11ff]")
_TO_HIRAGANA: Final = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}
_SHORT_GENERATION: Final = re.compile(r"\b(jun|sen)\.")
_NO_LETTERS: Final = re.compile(r"[nN]{2,}|x+|z+|\?+")
_DELETED: Final = '""'
_REAL_WORDS: Final = 2
_NEAR_RATIO: Final = 0.86
_WHOLE_PREFIX: Final = 12  # letters after which a shorter name counts as cut off
_NEAR_PREFIX: Final = 8
_NEAR_LENGTH: Final = 4  # WEI and FEI are two names


def parse_pn(value: str) -> tuple[Name, ...]:
    """Return the names in a DICOM PN: alphabetic, ideographic and phonetic group."""
    names = []
    for group in value.split("="):
        family, given, middle, _, suffix, *_ = [*group.split("^"), "", "", "", ""]
        names.append(make_name(family, f"{given} {middle}", suffix))
    return tuple(name for name in names if name.words)


def parse_xpn(
    value: str, component: str = "^", sub: str = "&", again: str = "~"
) -> tuple[Name, ...]:
    """Return the names in all repetitions of an HL7 XPN field, aliases and maiden names too."""
    names = []
    for one in value.split(again):
        parts = ["" if part == _DELETED else part for part in one.split(component)]
        family, given, middle, suffix, *_ = [*parts, "", "", ""]
        names.append(make_name(family.split(sub)[0], f"{given} {middle}", suffix))
    return tuple(name for name in names if name.words)


def parse_text(value: str) -> tuple[Name, ...]:
    """Return the name in free text: "Smith, John A" or "John A Smith"."""
    family, comma, given = value.partition(",")
    by_comma = comma and any(word not in _unsaid() for word in _split(given))
    name = make_name(family, given) if by_comma else make_name("", value)
    return (name,) if name.words else ()


def make_name(family: str, given: str, suffix: str = "") -> Name:
    """Return a name of its parts as they are written anywhere."""
    text = unicodedata.normalize("NFKC", family + given)
    script = Script.ALPHABETIC
    if _IDEOGRAPHS.search(text):
        script = Script.IDEOGRAPHIC
    elif _SOUNDS.search(text):
        script = Script.PHONETIC
    families, givens = fold_words(family), fold_words(given)
    if not givens:
        families, givens = (), families
    found = generation_of(suffix) or generation_of(given) or generation_of(family)
    return Name(families, givens, script, found)


def generation_of(text: str) -> int:
    """Return which of the family that bear one name a name says, 0 where it does not."""
    known = _tables().generations
    return next((known[word] for word in reversed(_split(text)) if word in known), 0)


def is_placeholder(names: Iterable[Name]) -> bool:
    """Whether a name stands for one that is not known yet: trauma, test, a newborn."""
    return any(_is_nameless(name) or _is_newborn(name) for name in names)


def _is_nameless(name: Name) -> bool:
    """Tell a person called Test or Doe from a placeholder: two ordinary words beside it."""
    words, known = [_plain(word) for word in name.words], _tables()
    if _NO_LETTERS.fullmatch("".join(words)):
        return True
    if not _has_phrase(known.nameless, words, "".join(words[len(name.family) :])):
        return False
    apart = {*" ".join(known.nameless).split(), *known.fillers}
    return sum(word not in apart and len(word) > 1 for word in words) < _REAL_WORDS


def _is_newborn(name: Name) -> bool:
    known, words = _tables(), [_plain(word) for word in name.words]
    given = f"{' '.join(words[len(name.family) :])} "
    return _has_phrase(known.babies, words, given.replace(" ", "")) or any(
        given.startswith(f"{phrase} ") for phrase in known.newborn
    )


def _has_phrase(phrases: frozenset[str], words: list[str], given: str) -> bool:
    text = f" {' '.join(words)} "
    return given in phrases or any(f" {phrase} " in text for phrase in phrases)


def is_particle(word: str) -> bool:
    """Whether a word of a name is one that people write small: van, de, el."""
    return word.casefold() in _tables().particles


def compare(ours: Iterable[Name], theirs: Iterable[Name]) -> Likeness | None:
    """Return how alike two persons' names are, or None where nothing can be compared.

    Each name of one is compared with each of the other in the same script. Where both have
    ideographs these decide: many names sound alike.
    """
    ours, theirs = tuple(ours), tuple(theirs)
    found: dict[Script, Likeness] = {}
    for one in ours:
        for other in theirs:
            if one.script == other.script and _alphabet(one) == _alphabet(other):
                alike = compare_two(one, other)
                found[one.script] = max(alike, found.get(one.script, alike))
    written = found.get(Script.IDEOGRAPHIC)
    if written is not None and written != Likeness.EQUAL:
        sounds = max((found[s] for s in found if s != Script.IDEOGRAPHIC), default=written)
        return min(max(written, sounds), Likeness.NEAR)
    best = max(found.values(), default=None)
    return best if best is None or not _other_generation(ours, theirs) else min(best, Likeness.NEAR)


def _other_generation(ours: Iterable[Name], theirs: Iterable[Name]) -> bool:
    """Whether one is the father, one the son, as far as they say."""
    one, other = ({n.generation for n in names} - {0} for names in (ours, theirs))
    return bool(one and other and not one & other)


@functools.lru_cache(maxsize=4096)
def _alphabet(name: Name) -> str:
    """Return of which letters a name is; those of which one is compared with the other are one."""
    letter = next((c for c in "".join(name.words) if c.isalpha()), "")
    kind = unicodedata.name(letter, "").partition(" ")[0] if letter else ""
    return "" if name.script != Script.ALPHABETIC or kind in _COMPARED else kind


@functools.lru_cache(maxsize=4096)
def compare_two(one: Name, other: Name) -> Likeness:
    """Return how alike two names in one script are."""
    if one.script != Script.ALPHABETIC:
        return _compare_joined(one, other)
    if not one.family or not other.family:
        return _compare_unordered(one, other)
    best = _compare_ordered(one, other)
    if best < Likeness.NEAR:
        swapped = _compare_ordered(one, Name(other.given, other.family))
        if swapped == Likeness.EQUAL:
            best = swapped
    if best < Likeness.EQUAL and _fold_all(one) == _fold_all(other):
        best = Likeness.EQUAL
    return best


def _compare_joined(one: Name, other: Name) -> Likeness:
    """Compare ideographs and sounds: blanks between them mean nothing."""
    if "".join(one.words) == "".join(other.words):
        return Likeness.EQUAL
    if one.family and one.family == other.family:
        return Likeness.GIVEN_DIFFERS
    return Likeness.DIFFERENT


def _compare_ordered(one: Name, other: Name) -> Likeness:
    family = _compare_family(one.family, other.family)
    given = _compare_given(one.given, other.given)
    if family >= Likeness.NEAR and given >= Likeness.NEAR:
        return min(family, given)
    if family >= Likeness.NEAR:
        return Likeness.GIVEN_DIFFERS
    return Likeness.FAMILY_DIFFERS if given == Likeness.EQUAL else Likeness.DIFFERENT


def _compare_unordered(one: Name, other: Name) -> Likeness:
    """Compare where the order of one is not known: the shorter must be in the longer."""
    few, many = sorted((_core(one.words), _core(other.words)), key=len)
    left = list(many)
    for word in sorted(few, key=len, reverse=True):
        match = next((w for w in left if _same(word, w)), None)
        if match is None:
            match = next((w for w in left if _is_initial(word, w)), None)
        if match is None:
            return Likeness.EQUAL if _fold_all(one) == _fold_all(other) else Likeness.DIFFERENT
        left.remove(match)
    return Likeness.EQUAL if sum(len(word) > 1 for word in few) > 1 else Likeness.NEAR


def _compare_family(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Likeness:
    if _same("".join(ours), "".join(theirs)):
        return Likeness.EQUAL
    few, many = sorted((_core(ours), _core(theirs)), key=len)
    if _same("".join(few), "".join(many)):
        return Likeness.EQUAL
    if all(any(_same(word, w) for w in many) for word in few):
        return Likeness.EQUAL
    return _compare_spelling("".join(few), "".join(many))


def _compare_given(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Likeness:
    """Compare given and middle names: the first decide, a contradiction of the others is told."""
    if _same("".join(ours), "".join(theirs)):
        return Likeness.EQUAL
    few, many = sorted((_core(ours), _core(theirs)), key=len)
    if not few:
        return Likeness.NEAR
    matched = [any(_agree(word, w) for w in many) for word in few]
    if all(matched):
        return Likeness.EQUAL
    if matched[0] and _agree(few[0], many[0]):
        return Likeness.NEAR
    return min(_compare_spelling(few[0], many[0]), Likeness.NEAR)


def _compare_spelling(one: str, other: str) -> Likeness:
    """Tell a slip or a name cut short from another name."""
    short, long = sorted((one, other), key=len)
    if len(short) >= _WHOLE_PREFIX and long.startswith(short):
        return Likeness.EQUAL
    slip = len(long) >= _NEAR_LENGTH and _is_one_slip(short, long)
    cut = len(short) >= _NEAR_PREFIX and long.startswith(short)
    ratio = difflib.SequenceMatcher(None, short, long, autojunk=False).ratio()
    return Likeness.NEAR if slip or cut or ratio >= _NEAR_RATIO else Likeness.DIFFERENT


def _is_one_slip(short: str, long: str) -> bool:
    """Whether one letter is wrong, missing or in its neighbour's place."""
    if len(short) == len(long):
        at = [i for i, (a, b) in enumerate(zip(short, long, strict=True)) if a != b]
        if len(at) == 1:
            return True
        crossed = len(at) == 2 and at[1] == at[0] + 1
        return crossed and short[at[0]] == long[at[1]] and short[at[1]] == long[at[0]]
    return len(long) == len(short) + 1 and any(
        long[:i] + long[i + 1 :] == short for i in range(len(long))
    )


def _agree(one: str, other: str) -> bool:
    return _same(one, other) or _is_initial(one, other)


def _is_initial(one: str, other: str) -> bool:
    first = ({folded[:1] for folded in foldings(word)} for word in (one, other))
    return 1 in (len(one), len(other)) and bool(set.intersection(*first))


def _same(one: str, other: str) -> bool:
    return bool(foldings(one) & foldings(other)) or sound_alike(one, other)


def _core(words: tuple[str, ...]) -> tuple[str, ...]:
    """Leave particles out, if anything but initials stays."""
    rest = tuple(word for word in words if word not in _tables().particles)
    return rest if any(len(word) > 1 for word in rest) else words


def _fold_all(name: Name) -> str:
    return "".join(sorted(min(foldings(word)) for word in _core(name.words)))


@functools.lru_cache(maxsize=8192)
def foldings(word: str) -> frozenset[str]:
    """Return a word without accents, in the two ways of writing umlauts, and in Latin letters."""
    roman = _GREEK_ACCENTED.sub(_without_accent, word).translate(_ROMAN)
    long_o = (roman.replace("ō", letters) for letters in _LONG_O if "ō" in roman)
    ways = (roman, roman.translate(_LETTERS), roman.translate(_DIGRAPHS), *long_o)
    return frozenset(_plain(text) for text in ways)


def _without_accent(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFD", match[0])[0]


def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKD", text.translate(_LETTERS))
    return "".join(c for c in text if not unicodedata.combining(c)).translate(_LETTERS)


def fold_words(text: str) -> tuple[str, ...]:
    """Return the words of a name as they are compared; titles, Jr. and the like left out."""
    words = _split(text)
    kept = [word for word in words if word not in _unsaid()]
    return tuple(kept or words)


def _split(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text).casefold().replace("ς", "σ")
    text = unicodedata.normalize("NFC", text).translate(_TO_HIRAGANA)
    text = _SHORT_GENERATION.sub(r"\1ior", text).translate(_tables().ideographs)
    return [word for word in _SPLIT.split(text) if word]


@functools.cache
def _unsaid() -> frozenset[str]:
    return _tables().titles.union(_tables().generations)
