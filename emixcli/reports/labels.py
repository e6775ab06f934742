"""Words by which a report tells whom it is about, in many languages, read from `data/labels.tsv`.

Labels that stand before a patient's name, number, birth date or sex; months; words for a sex. In
small letters without accents, as `plain_letters` makes them.
"""

from __future__ import annotations

import enum
import functools
import re
import unicodedata
from dataclasses import dataclass
from importlib.resources import files
from typing import Final


class Label(enum.StrEnum):
    """What a label says of the value behind it."""

    PATIENT = "patient"  # the patient's name
    NAME = "name"  # a name, most likely the patient's
    FAMILY = "family"
    GIVEN = "given"
    BORN = "born"
    ID = "id"
    ACCESSION = "accession"
    SEX = "sex"
    OTHER = "other"  # somebody who is not the patient
    RELATIVE = "relative"  # the same, who has a birth date and numbers of a patient, too

    @property
    def is_other(self) -> bool:
        """Whether what follows is said of somebody who is not the patient."""
        return self in (Label.OTHER, Label.RELATIVE)


@dataclass(frozen=True)
class Tables:
    """The words by what they mean.

    Parameters
    ----------
    pattern
        A label in a line, and the mark that says that it is one.
    sexes
        Words for M and F.
    months
        Names of months to their numbers.
    no_names
        What stands behind a label and is no name.
    english
        Labels of the patient that do not tell that a text is not English.
    """

    labels: dict[str, Label]
    pattern: re.Pattern[str]
    sexes: dict[str, str]
    months: dict[str, int]
    no_names: frozenset[str]
    english: frozenset[str]


_AFTER: Final = r"(?:\s?\([\w/, ]{1,16}\))?(?![^\W_])(?P<mark>\s?[.#]?\s{0,12}[:=#：]|)"


@functools.cache
def tables() -> Tables:
    """Return the tables; they are read once."""
    text = files("emixcli.data").joinpath("labels.tsv").read_text(encoding="utf-8")
    kinds: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            kind, _, words = line.partition("\t")
            kinds.setdefault(kind, []).extend(word.strip() for word in words.split(";"))
    labels = {word: label for label in Label for word in kinds[label]}
    return Tables(
        labels,
        re.compile(rf"(?<![^\W_])(?P<label>{any_of(labels)}){_AFTER}"),
        {word: sex for sex in ("F", "M") for word in kinds[sex]},
        {word: number for number in range(1, 13) for word in kinds[str(number)]},
        frozenset(kinds["no name"]),
        frozenset(kinds["english"]),
    )


def any_of(words: dict[str, Label] | dict[str, int]) -> str:
    """Return a pattern of any of these words, the longest first."""
    ordered = sorted(words, key=len, reverse=True)
    return "|".join(re.escape(word).replace(r"\ ", r"\s{1,2}") for word in ordered)


def plain_letters(text: str) -> str:
    """Return text in small letters without accents, each letter in its old place."""
    if text.isascii():
        return text.lower()
    return "".join(unicodedata.normalize("NFD", letter)[0].lower()[:1] or letter for letter in text)
