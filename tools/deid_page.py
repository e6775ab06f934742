"""The page docs/reference/deidentification.md: what the code does to each attribute."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Final

from emixcli.anonymize import Explanation, Option, Profile, explain, find_tag, profile_rows
from emixcli.deid import tables
from emixcli.deid.options import OPTION_CODES

#: Columns of the table: their heads, and the options that each speaks of with a short name.
_COLUMNS: Final[Mapping[str, Mapping[Option, str]]] = {
    "dates": {Option.RETAIN_FULL_DATES: "full", Option.RETAIN_MODIFIED_DATES: "modified"},
    "kept": {
        Option.RETAIN_PATIENT_CHARACTERISTICS: "patient",
        Option.RETAIN_DEVICE: "device",
        Option.RETAIN_INSTITUTION: "institution",
        Option.RETAIN_UIDS: "uids",
        Option.RETAIN_SAFE_PRIVATE: "private",
    },
    "cleaned": {
        Option.CLEAN_DESCRIPTORS: "descriptors",
        Option.CLEAN_STRUCTURED_CONTENT: "structured content",
        Option.CLEAN_GRAPHICS: "graphics",
    },
}
_LETTERS: Final = """\
| letter | means |
|---|---|
| X | removed |
| Z | made empty, or a dummy where the IOD forbids an empty value |
| D | replaced by a dummy value |
| U | UIDs replaced by new ones, the same for the same key |
| C | cleaned: dates move, text keeps words of the standard only, sequences are looked into |
| K | kept, but for values of the patient in it; sequences are looked into |
"""
_INTRO: Final = """\
The {} rows of PS3.15 2026c Table E.1-1 as `emix anonymize` follows them. `emix anonymize
--explain TAG` says it of one attribute, with the options and site rules that are given beside it;
`emix anonymize --profile-doc` writes the table for them. How to choose options:
[De-identify a folder](../guides/deidentify.md).
"""
_TABLE: Final = """\
`basic` is the action without options, in the letters of the standard; of several, as in `X/Z/D`,
the attribute's type in the IOD of the object decides: X where it is optional, Z where it may be
empty, D where it must have a value. What an IOD asks for stays, empty or as a dummy, also where
the table says X. The other columns say what an option changes; where they are empty, it changes
nothing. Two options that speak of the same attribute: the one that cleans wins.
"""
#: Attributes that Table E.1-1 does not list, one of each kind.
_UNLISTED: Final = {
    "technical value": "Rows",
    "code": "BodyPartExamined",
    "free text": "CodeMeaning",
    "text about technique": "Manufacturer",
    "date": "SecondaryReviewDate",
    "name of a person": "EvaluatorName",
    "address in the web": "CodingSchemeURL",
    "UID of a definition": "SOPClassUID",
    "UID of an instance": "TargetFrameOfReferenceUID",
    "encrypted attributes": "EncryptedAttributesSequence",
    "group length": "(0008,0000)",
    "not in PS3.6": "(0008,9999)",
}


def page(note: str) -> Iterator[str]:
    """Yield the blocks of the page.

    Parameters
    ----------
    note
        Stands below the title.
    """
    basic = list(profile_rows(Profile()))
    changes = {option: _changes(option, basic) for option in Option}
    yield f"# What de-identification does to attributes\n\n{note}"
    yield _INTRO.format(len(basic))
    yield _LETTERS
    yield from _options(changes)
    yield from _unlisted()
    yield f"## The table\n\n{_TABLE}"
    yield from _rows(basic, changes)


def _changes(option: Option, basic: list[Explanation]) -> dict[int, str]:
    """Return the letters of the attributes for which an option changes them."""
    rows = profile_rows(Profile(frozenset({option})))
    return {
        row.tag: row.action
        for row, old in zip(rows, basic, strict=True)
        if row.action != old.action
    }


def _options(changes: Mapping[Option, Mapping[int, str]]) -> Iterator[str]:
    yield "## Options\n"
    yield "| option | in the table | code (DCM) | rows that it changes |\n|---|---|---|--:|"
    names = {option: name for column in _COLUMNS.values() for option, name in column.items()}
    for option in Option:
        code, meaning = OPTION_CODES[option]
        count = len(changes[option]) or ""
        yield f"| `--{option}` | {names.get(option, '')} | {code} {meaning} | {count} |"
    yield "\nThe first two speak of pixels: [What de-identification does to pixels](pixels.md).\n"


def _unlisted() -> Iterator[str]:
    yield "## Attributes outside the table\n"
    yield "Nothing stays because nobody thought of it: each kind has a rule.\n"
    yield "| kind | for example | what happens | rule |\n|---|---|---|---|"
    for kind, name in _UNLISTED.items():
        row = explain(find_tag(name), Profile())
        yield f"| {kind} | {_cell(name)} | {_cell(row.words)} | {_cell(row.rule)} |"
    yield ""


def _rows(basic: list[Explanation], changes: Mapping[Option, Mapping[int, str]]) -> Iterator[str]:
    listed = {_number(key): (key, row) for key, row in tables.profile().items()}
    for group, rows in itertools.groupby(basic, key=lambda row: _group(listed, row.tag)):
        yield f"### {group}\n"
        yield f"| tag | attribute | basic | {' | '.join(_COLUMNS)} |"
        yield f"|---|---|---|{'---|' * len(_COLUMNS)}"
        for row in rows:
            key, of_table = listed[row.tag]
            cells = [_tag(key), _cell(of_table.name), _basic(row, of_table.basic)]
            cells += [_differing(row.tag, changes, column) for column in _COLUMNS.values()]
            yield f"| {' | '.join(cells)} |"
        yield ""


def _basic(row: Explanation, letters: str) -> str:
    return f"{letters}, a pseudonym" if "pseudonym" in row.words else letters.replace("*", "")


def _differing(
    tag: int, changes: Mapping[Option, Mapping[int, str]], names: Mapping[Option, str]
) -> str:
    return ", ".join(
        f"{name} {changes[option][tag]}" for option, name in names.items() if tag in changes[option]
    )


def _number(key: str) -> int:
    return 0x00091001 if key == "private" else int(key.replace("x", "0"), 16)


def _group(listed: Mapping[int, tuple[str, tables.Row]], tag: int) -> str:
    key = listed[tag][0]
    return "Private attributes" if key == "private" else f"Group {key[:4]}"


def _tag(key: str) -> str:
    return "(odd,xxxx)" if key == "private" else f"({key[:4]},{key[4:]})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
