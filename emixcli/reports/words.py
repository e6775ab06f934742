"""Whom a report without a head of its own is about: PDF, RTF and plain text, searched in words.

Two things are looked for. Labels (`Patient:`, `DOB`, `MRN`) say whom the report itself claims to be
about; they count first, and may contradict. Where no label speaks, the name, the number and the
birth date of the patient of the images are searched; what stands behind the label of another person
(a referrer, a mother) is left out of that search.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from emixcli.reports.dates import Link, compare_birth_dates, find_dates, find_order, is_unsure
from emixcli.reports.labels import Label, plain_letters, tables
from emixcli.reports.matching import Identifier, Identity, plain_number
from emixcli.reports.names import (
    Likeness,
    Name,
    Script,
    compare,
    compare_two,
    fold_words,
    foldings,
    is_particle,
    make_name,
    parse_text,
)
from emixcli.reports.others import CELLS, without_others

_MAX_TEXT: Final = 400_000
_MANY: Final = 3  # patients; more need not be told apart
_MAX_LINE: Final = 400
_MIN_HEADS: Final = 2
_HEADER_LINES: Final = 3
_MAX_NAME_WORDS: Final = 7
_MAX_WINDOW: Final = 6
_MAX_RUN: Final = 8
_MIN_NUMBER: Final = 5
_MIN_RELATION: Final = 6
_WHOLE_NAME: Final = 2  # words
_BELOW: Final = 3  # lines below a relative, in which a date may be theirs
_YEAR: Final = re.compile(r"(?:19|20)\d\d(?:[./-]?\d\d)?")
_EDGE: Final = " \t-*>|•·"
_GAPS: Final = (*",;|(/•·", "\t", "  ")
_CELL_GAPS: Final = (*"|•·", "\t", "  ")
_STRONG: Final = frozenset({Label.BORN, Label.ACCESSION})
_OWN: Final = frozenset({Label.BORN, Label.ID, Label.SEX})
_NAME_END: Final = re.compile(r"[\d(\[<;|\t*/]|\s{2,}|\s[-\u2013\u2014]\s|(?<=[^\W\d_]{3})\.\s")
_NUMBER: Final = re.compile(r"\d{2,4}(?: \d{2,4}){1,4}(?!\S)|[^\W_]+(?:[-./_][^\W_]+)*")
_SEGMENTS: Final = re.compile(r"[\n\t:;|()\[\]<>\"：]|\s{2,}|(?<=[^\W\d_]{3})\.\s")
_SPLIT_NAME: Final = re.compile(r"[\s,.]+")


@dataclass(frozen=True)
class Words:
    """The words of a report, and what their labels say.

    Parameters
    ----------
    rest
        The text without what is said of other persons.
    persons
        The patients that labels name; each in the ways in which the name can be read.
    births
        Their birth dates, as written; YYYYMMDD where the order of day and month is known.
    below
        What a text says of a relative, and a line below with a date or numbers, maybe theirs.
    day_first
        The order of day and month where both are digits, None where it is not known.
    """

    rest: str
    persons: tuple[tuple[Name, ...], ...] = ()
    births: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    accessions: tuple[str, ...] = ()
    sex: str = ""
    below: tuple[tuple[str, str], ...] = ()
    day_first: bool | None = None

    @functools.cached_property
    def numbers(self) -> frozenset[str]:
        """All that may be a number of a patient or an examination."""
        return frozenset(
            plain_number(found)
            for found in _NUMBER.findall(self.rest)
            if any(letter.isdigit() for letter in found)
        )

    @functools.cached_property
    def dates(self) -> tuple[frozenset[str], frozenset[str]]:
        """All days that are named, as YYYYMMDD; and those that may be others."""
        sure: set[str] = set()
        unsure: set[str] = set()
        for _, days in find_dates(self.rest, day_first=self.day_first):
            (unsure if is_unsure(days) else sure).update(days)
        return frozenset(sure), frozenset(unsure)

    @functools.cached_property
    def segments(self) -> tuple[tuple[str, ...], ...]:
        """The folded words of each line or part of one."""
        parts = (
            fold_words(part)
            for part in _SEGMENTS.split(self.rest.replace("^", " "))
            if part.strip()
        )
        return tuple(filter(None, parts))


class _Labelled(NamedTuple):
    """A label and what stands behind it."""

    kind: Label
    value: str
    line: int
    is_marked: bool  # a colon or the like follows
    at_start: bool
    label: str = ""


@dataclass
class _Lines:
    """What reading line by line found."""

    found: list[_Labelled] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)
    below: list[tuple[str, str]] = field(default_factory=list)


def read_words(text: str, *, in_doubt: bool = False) -> Words:
    """Return what the words of a report say of the patient.

    Parameters
    ----------
    in_doubt
        The characters beyond ASCII may be others: labelled names with such are not believed.
    """
    text = text[:_MAX_TEXT]
    lines = _read_lines(text)
    found = [one for one in lines.found if not one.kind.is_other]
    valued = [(one, value) for one in found if (value := _value(one))]
    persons = [
        person for person in _persons(found, [one.line for one, _ in valued])
        if not in_doubt or all("".join(name.words).isascii() for name in person)
    ]  # fmt: skip
    day_first = find_order(text)
    if day_first is None and any(one.label not in tables().english for one in found):
        day_first = True
    return Words(
        "\n".join(lines.rest),
        tuple(persons),
        tuple(_in_order(value, day_first=day_first) for value in _births(valued)),
        _values(valued, Label.ID),
        _values(valued, Label.ACCESSION),
        next(iter(_values(valued, Label.SEX)), ""),
        tuple(lines.below),
        day_first,
    )


def identity_in(words: Words, images: Identity) -> Identity:
    """Return whom a report is about: what its labels say, else what of the patient is found.

    Numbers that labels give are believed: that of the images elsewhere in the text may be a
    telephone's or a relative's. What stands below a relative of the same name is in doubt.
    """
    own_name = () if words.persons else _find_names(images.names, words)
    theirs = Words("\n".join(line for who, line in words.below if _may_be(images.names, who)))
    said = {plain_number(value) for value in words.ids} - theirs.numbers
    found_ids = tuple(
        one
        for one in images.ids
        if _has_number(one.value, words)
        and plain_number(one.value) not in theirs.numbers
        and (not words.ids or plain_number(one.value) in said)
    )
    birth = next(iter(words.births), "") or _find_birth(images.birth_date, words)
    accessions = tuple(one for one in images.accessions if _has_number(one, words))
    return Identity(
        names=own_name or tuple(name for person in words.persons for name in person),
        ids=(*found_ids, *(Identifier(i) for i in words.ids if plain_number(i) in said)),
        birth_date=birth,
        sex=words.sex,
        accessions=accessions or words.accessions,
        n_patients=max(len(words.persons), len(words.births), 1),
        birth_in_doubt=bool(_find_birth(images.birth_date, theirs)),
        in_words=True,
    )


def _may_be(names: tuple[Name, ...], who: str) -> bool:
    """Whether what is said of a relative names the patient, or nobody."""
    return len(fold_words(who)) < _WHOLE_NAME or bool(_find_names(names, Words(who)))


def _in_order(value: str, *, day_first: bool | None) -> str:
    """Return a birth date, as YYYYMMDD where the order of its day and month is known."""
    days = next((days for _, days in find_dates(value, day_first=day_first)), ())
    return days[0] if len(days) == 1 else value


def _read_lines(text: str) -> _Lines:
    whole = _Lines()
    lines = without_others(re.split(r"\r\n|[\n\r\f\v]", text))
    others: set[int] = set()  # lines that name another person, whose label stands above
    relative, last = "", -1
    for number, line in enumerate(lines):
        near = (n for n in range(number + 1, number + 3) if "".join(lines[n : n + 1]).strip())
        ahead = next(near, len(lines))
        following = "".join(lines[ahead : ahead + 1])
        whole.found += _read_table(line, following, number)
        found, rest, took = _read_line(line, number, following)
        whole.found += found
        whole.rest.append("" if number in others else rest)
        if took:
            others.add(ahead)
        if number <= last and _is_below(found, line):
            whole.below.append((relative, line))
        elif found:
            last = -1
        if found and found[-1].kind == Label.RELATIVE:
            relative, last = found[-1].value, (ahead if took else number) + _BELOW
    return whole


def _is_below(found: list[_Labelled], line: str) -> bool:
    """Whether a line begins with a date, a number or a sex that are not said to be whose."""
    if found:
        return found[0].at_start and found[0].kind in _OWN
    return any(map(str.isdigit, line)) and not any(map(str.isalpha, line))


def _read_table(line: str, following: str, number: int) -> list[_Labelled]:
    """Return the labels of a row of headings, each with its cell in the row below."""
    heads = [plain_letters(cell.strip(" :")) for cell in CELLS.split(line[:_MAX_LINE].strip())]
    cells = CELLS.split(following[:_MAX_LINE].strip())
    labels = tables().labels
    n_known = sum(head in labels for head in heads)
    if len(heads) != len(cells) or n_known < _MIN_HEADS:
        return []
    return [
        _Labelled(labels[head], cell, number, is_marked=True, at_start=True, label=head)
        for head, cell in zip(heads, cells, strict=True)
        if head in labels
    ]


def _read_line(line: str, number: int, following: str) -> tuple[list[_Labelled], str, bool]:
    """Return labels, the rest of a line, and whether the next is the name of another person."""
    labels = list(_labels(line[:_MAX_LINE]))
    plain = plain_letters(line)
    found, kept, took = [], line, False
    for place, (start, end, kind, is_marked) in enumerate(labels):
        stop = labels[place + 1][0] if place + 1 < len(labels) else len(line)
        value = line[end:stop].strip()
        at_start = not line[:start].strip(_EDGE)
        if not value and at_start and not next(_labels(following[:_MAX_LINE]), None):
            value = following.strip()
            took = kind.is_other
        match = tables().pattern.match(plain, start)
        label = " ".join(match["label"].split()) if match else ""
        found.append(_Labelled(kind, value, number, is_marked, at_start, label))
        if kind.is_other:
            kept = kept[:start] + "\t" * (stop - start) + kept[stop:]
    return found, kept, took


def _labels(line: str) -> Iterator[tuple[int, int, Label, bool]]:
    """Yield start, end, kind and mark of the labels in a line; words of prose are none.

    A number or a date in one cell with a relative is the relative's, if the cell begins with that
    label, or the line has told the patient's before.
    """
    plain = plain_letters(line)
    of_other = False
    said: frozenset[Label] = frozenset()
    theirs: frozenset[Label] = frozenset()
    for match in tables().pattern.finditer(plain):
        kind = tables().labels[" ".join(match["label"].split())]
        before = plain[: match.start()]
        starts_cell = not before.strip(_EDGE) or before.endswith(_CELL_GAPS)
        apart = starts_cell or before.endswith(_GAPS) or before.rstrip().endswith(_GAPS)
        if not _counts(match, kind, before, apart=apart) or (of_other and not apart):
            continue
        if kind in theirs and not starts_cell and "pat" not in match["label"]:
            continue
        of_other = kind.is_other
        if of_other or starts_cell or kind == Label.PATIENT:
            theirs = frozenset()
        if kind == Label.RELATIVE:
            theirs = _OWN if starts_cell else _OWN & said
        said |= {kind}
        yield match.start(), match.end(), kind, bool(match["mark"])


def _counts(match: re.Match[str], kind: Label, before: str, *, apart: bool) -> bool:
    """Whether words that are a label elsewhere are one here, behind these letters of the line."""
    at_start, is_marked = not before.strip(_EDGE), bool(match["mark"])
    if kind.is_other:
        return (is_marked and apart) or len(match["label"]) >= _MIN_RELATION
    if is_marked:
        named = kind in (Label.PATIENT, Label.ID) and " " in match["label"]
        return apart or kind in _STRONG or named or match["label"] == "mrn"
    return at_start or kind == Label.BORN


def _value(one: _Labelled) -> str:
    """Return a number, a date or a sex behind a label, "" where it is none."""
    if one.kind == Label.BORN:
        starts = [start for start, _ in find_dates(one.value[:60])]
        if starts and min(starts) <= len("am: "):
            return one.value[min(starts) :][:40]
        return one.value.strip() if _YEAR.fullmatch(one.value.strip()) else ""
    if one.kind in (Label.ID, Label.ACCESSION):
        match = _NUMBER.match(one.value.lstrip("#:. "))
        value = match[0] if match else ""
        alone = one.is_marked or value == one.value
        return value if alone and re.search(r"\d", value) and len(value) > 2 else ""
    if one.kind == Label.SEX:
        return tables().sexes.get(
            plain_letters(re.split(r"[\s,;/()]", one.value, maxsplit=1)[0]), ""
        )
    return ""


def _values(valued: list[tuple[_Labelled, str]], kind: Label) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for one, value in valued if one.kind == kind))


def _births(valued: list[tuple[_Labelled, str]]) -> tuple[str, ...]:
    """Return birth dates that contradict each other; those in running text only if alone."""
    all_births = [(one, value) for one, value in valued if one.kind == Label.BORN]
    clear = [value for one, value in all_births if one.is_marked or one.at_start]
    kept: list[str] = []
    for value in dict.fromkeys(clear or [value for _, value in all_births[:1]]):
        if len(kept) < _MANY and all(
            compare_birth_dates(value, other) == Link.CONFLICT for other in kept
        ):
            kept.append(value)
    return tuple(kept)


def _persons(found: list[_Labelled], heads: list[int]) -> list[tuple[Name, ...]]:
    """Return the persons that labels name as the patient, each once.

    After the first *Name*, which may be anybody's, others count beside a birth date or a number.
    """
    clear = [one for one in found if _is_clear(one, heads)]
    strong = [_person(one.value) for one in clear if one.kind == Label.PATIENT]
    weak = [person for one in clear if one.kind == Label.NAME and (person := _person(one.value))][
        :1
    ] + [_person(one.value) for one in clear if one.kind == Label.NAME and _is_near(one, heads)]
    kept: list[tuple[Name, ...]] = []
    for person in next(filter(any, (strong, _persons_in_parts(clear), weak)), []):
        if person and len(kept) < _MANY and all(_differ(person, other) for other in kept):
            kept.append(person)
    return kept


def _is_clear(one: _Labelled, heads: list[int]) -> bool:
    """Whether a label is one: by its mark, or since it stands among others of a head."""
    return one.is_marked or _is_near(one, heads)


def _is_near(one: _Labelled, heads: list[int]) -> bool:
    """Whether a number, date or sex with a label stands within few lines."""
    place = bisect.bisect_left(heads, one.line - _HEADER_LINES)
    return place < len(heads) and heads[place] <= one.line + _HEADER_LINES


def _persons_in_parts(clear: list[_Labelled]) -> list[tuple[Name, ...]]:
    """Return the names whose family and given names have labels of their own."""
    parts: dict[Label, list[str]] = {Label.FAMILY: [], Label.GIVEN: [], Label.NAME: []}
    for one in clear:
        text = _name_text(one.value) if one.kind in parts else ""
        if text and _looks_like_name(text, fewest=1):
            parts[one.kind].append(text)
    families, givens = parts[Label.FAMILY], parts[Label.GIVEN]
    if families and not givens:
        givens = parts[Label.NAME]
    elif givens and not families:
        families = parts[Label.NAME]
    names = (make_name(family, given) for family, given in zip(families, givens, strict=False))
    return [(name,) for name in names if name.family and name.given]


def _person(value: str) -> tuple[Name, ...]:
    """Return the ways to read a name behind a label; none where it is no name."""
    text = _name_text(value)
    if not _looks_like_name(text, fewest=2):
        return ()
    names = parse_text(text)
    words = text.split()
    if "," not in text and len(words) > 1 and names[0].script == Script.ALPHABETIC:
        last, first = " ".join(words[1:]), " ".join(words[:-1])
        return (*names, make_name(words[-1], first), make_name(words[0], last))
    return names


def _name_text(value: str) -> str:
    """Return what may be the name at the start of a value: up to digits, brackets, gaps."""
    value = re.sub(r"\^+", ",", value.strip(), count=1).replace("^", " ")
    match = _NAME_END.search(value)
    text = value[: match.start()] if match else value
    parts = [part.strip() for part in text.split(",")]
    return ", ".join(part for part in parts[:2] if part).strip(" ,.-:")


def _looks_like_name(text: str, *, fewest: int) -> bool:
    words = [word for word in _SPLIT_NAME.split(text) if word]
    if text and any(letter > "\u2e7f" for letter in text):
        return len(words) <= _MAX_NAME_WORDS and len("".join(words)) > 1
    return fewest <= len(words) <= _MAX_NAME_WORDS and all(
        (word[0].isupper() or not word[0].islower() or is_particle(word))
        and plain_letters(word) not in tables().no_names
        for word in words
    )


def _differ(one: tuple[Name, ...], other: tuple[Name, ...]) -> bool:
    alike = compare(one, other)
    return alike is not None and alike < Likeness.NEAR


def _has_number(value: str, words: Words) -> bool:
    number = plain_number(value)
    return len(number) >= _MIN_NUMBER and number in words.numbers


def _find_birth(date: str, words: Words) -> str:
    """Return the birth date of the images if the text names that day."""
    whole = len(date) == len("YYYYMMDD") and compare_birth_dates(date, date) == Link.EQUAL
    sure, unsure = words.dates
    if whole and date in sure:
        return date
    return f"{date[6:]}/{date[4:6]}/{date[:4]}" if whole and date in unsure else ""


def _find_names(names: tuple[Name, ...], words: Words) -> tuple[Name, ...]:
    return tuple(name for name in names if any(_is_in(name, part) for part in words.segments))


def _is_in(name: Name, segment: tuple[str, ...]) -> bool:
    """Whether family and given name stand beside each other in a part of a text."""
    joined = "".join(name.words)
    if name.script != Script.ALPHABETIC:
        return len(joined) > 1 and joined in "".join(segment)
    run: list[str] = []
    for word in (*segment, ""):
        if word and _may_be_of(word, name):
            run = [*run, word][-_MAX_RUN:]
            continue
        if len(run) > 1 and _is_name(name, run):
            return True
        run = []
    return False


@functools.lru_cache(maxsize=8192)
def _may_be_of(word: str, name: Name) -> bool:
    """Whether a word can be part of a name, as a quick look; slips are no part of it."""
    orders = ("".join(name.words), "".join((*name.given, *name.family)))
    wholes = frozenset().union(*(foldings(one) for one in orders))
    parts = frozenset().union(*(foldings(one) for one in name.words if len(one) > 2))
    return any(
        any(folded in whole for whole in wholes) or any(part in folded for part in parts)
        for folded in foldings(word)
    )


def _is_name(name: Name, run: list[str]) -> bool:
    for start in range(len(run) - 1):
        for end in range(start + 2, min(len(run), start + _MAX_WINDOW) + 1):
            for cut in range(start + 1, end):
                first, second = tuple(run[start:cut]), tuple(run[cut:end])
                whole = len("".join(first)) > 1 and len("".join(second)) > 1
                if whole and compare_two(name, Name(first, second)) == Likeness.EQUAL:
                    return True
    return False
