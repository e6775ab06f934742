"""Does a report belong to the patient and the study of the images? A table of rules in words.

A report of another patient in a package is a privacy breach; one that is missing harms too. No
score decides: each rule names its condition, and the first that holds gives the verdict. An
identifier counts only within its assigning authority (PS3.3 C.7.1.1, HL7 v2 CX.4).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from emixcli.reports import names
from emixcli.reports.dates import Link, compare_birth_dates
from emixcli.reports.labels import plain_letters, tables
from emixcli.reports.names import Likeness, Name


class Level(enum.StrEnum):
    """What follows from a comparison."""

    MATCH = "match"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Identifier:
    """A patient's identifier and who assigned it.

    Parameters
    ----------
    value
        As written.
    authorities
        Names of the assigning authority: namespace, object identifier (with or without
        `urn:oid:`); none if it is not said.
    """

    value: str
    authorities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom and which examination images or a report are about, as far as they say so.

    Parameters
    ----------
    names
        All names of the patient. Names of which the characters are in doubt are left out.
    ids
        All identifiers.
    birth_date
        Begins with YYYY, YYYYMM or YYYYMMDD, with or without separators.
    sex
        M, F or anything else, a word or its first letter.
    accessions, study_uids
        Accession numbers (order numbers of the filler or placer) and Study Instance UIDs.
    n_patients
        How many patients a report speaks of.
    deidentified
        Patient Identity Removed (0012,0062) of the images.
    birth_in_doubt
        The birth date may be a relative's.
    in_words
        Found by labels and words of running text, which may mislead: a person may overrule.
    """

    names: tuple[Name, ...] = ()
    ids: tuple[Identifier, ...] = ()
    birth_date: str = ""
    sex: str = ""
    accessions: tuple[str, ...] = ()
    study_uids: tuple[str, ...] = ()
    n_patients: int = 1
    deidentified: bool = False
    birth_in_doubt: bool = False
    in_words: bool = False

    @property
    def says_who(self) -> bool:
        """Whether anything here identifies a person."""
        return bool(self.names or self.ids or self.birth_date)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the comparison of two identities found."""

    name: Likeness | None
    patient_id: Link
    birth_date: Link
    sex: Link
    accession: Link
    study_uid: Link
    placeholder: bool
    deidentified: bool
    n_patients: int
    says_who: bool
    in_words: bool
    pseudonym: bool = False

    @property
    def same_exam(self) -> bool:
        """One examination by its UID, or by its accession number where no UID contradicts."""
        if self.study_uid == Link.OTHER:
            return False
        return Link.EQUAL in (self.study_uid, self.accession)

    @property
    def other_exam(self) -> bool:
        """Another examination, as far as its numbers say."""
        return not self.same_exam and Link.OTHER in (self.study_uid, self.accession)

    @property
    def same_person(self) -> bool:
        """Name and whole birth date agree."""
        return self.name == Likeness.EQUAL and self.birth_date == Link.EQUAL

    @property
    def may_be_born(self) -> bool:
        """The birth date agrees, if in one of two ways to read it."""
        return self.birth_date in (Link.EQUAL, Link.UNSURE)

    @property
    def same_id(self) -> bool:
        """One identifier of one authority."""
        return self.patient_id == Link.EQUAL


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a report may go with the images, and why.

    Parameters
    ----------
    rule
        Stable: `R1` to `R14`, documented in `docs/reference/matching.md`.
    reason
        In words, without any value.
    overridable
        A person who has seen both may send it nevertheless.
    """

    level: Level
    rule: str
    reason: str
    overridable: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table: where the condition holds, this is the verdict."""

    code: str
    level: Level
    reason: str
    holds: Callable[[Evidence], bool]
    overridable: bool = field(default=True)

    @property
    def verdict(self) -> Verdict:
        """The verdict it gives."""
        return Verdict(self.level, self.code, self.reason, self.overridable)


#: Values that stand for no number.
_NO_NUMBER: Final = frozenset(
    {"", "0", "NONE", "UNKNOWN", "UNBEKANNT", "NA", "NULL", "NIL", "NOID"}
)
_UID: Final = re.compile(r"[0-2](?:\.\d+)+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

RULES: Final = (
    Rule(
        "R11", Level.BLOCK, "labels in the text name more than one patient",
        lambda e: e.in_words and e.n_patients > 1,
    ),
    Rule(
        "R1", Level.BLOCK, "the report speaks of more than one patient: split it first",
        lambda e: e.n_patients > 1, overridable=False,
    ),
    Rule(
        "R12", Level.BLOCK, "the images are de-identified, the report names a patient",
        lambda e: e.deidentified and e.says_who and not e.pseudonym, overridable=False,
    ),
    Rule(
        "R11", Level.BLOCK, "a label in the text gives another birth date",
        lambda e: e.in_words and e.birth_date == Link.CONFLICT,
    ),
    Rule(
        "R11", Level.BLOCK, "a label in the text names another person",
        lambda e: e.in_words and e.name == Likeness.DIFFERENT and not e.placeholder,
    ),
    Rule(
        "R11", Level.BLOCK,
        "a label in the text gives another identifier, and the patient's name is not in the text",
        lambda e: e.in_words and e.patient_id == Link.OTHER and e.name is None
        and not e.may_be_born and not e.same_exam,
    ),
    Rule(
        "R5", Level.BLOCK, "the birth dates differ",
        lambda e: e.birth_date == Link.CONFLICT, overridable=False,
    ),
    Rule(
        "R5", Level.BLOCK, "the birth dates differ a little; identifier and name do not both agree",
        lambda e: e.birth_date == Link.SLIP and not (e.same_id and e.name == Likeness.EQUAL),
    ),
    Rule(
        "R3", Level.WARN,
        "the identifiers differ, as after a merge; name, birth date and examination agree",
        lambda e: e.patient_id == Link.CONFLICT and e.same_person and e.same_exam
        and e.sex != Link.CONFLICT,
    ),
    Rule(
        "R3", Level.BLOCK, "one authority gave two identifiers: two patients",
        lambda e: e.patient_id == Link.CONFLICT, overridable=False,
    ),
    Rule(
        "R6", Level.BLOCK, "the sexes differ, and identifier, name and birth date do not all agree",
        lambda e: e.sex == Link.CONFLICT
        and not (e.same_id and e.name == Likeness.EQUAL and e.may_be_born),
    ),
    Rule(
        "R14", Level.WARN, "a placeholder stands for the name",
        lambda e: e.placeholder and (e.same_id or e.same_exam),
    ),
    Rule(
        "R14", Level.BLOCK, "a placeholder stands for the name, and no identifier agrees",
        lambda e: e.placeholder and e.name is not None,
    ),
    Rule(
        "R9", Level.BLOCK, "the identifier agrees, name and birth date do not: a number used again",
        lambda e: e.same_id and e.name == Likeness.DIFFERENT and e.birth_date != Link.EQUAL,
        overridable=False,
    ),
    Rule(
        "R7", Level.BLOCK, "the names differ",
        lambda e: e.name == Likeness.DIFFERENT, overridable=False,
    ),
    Rule(
        "R7", Level.WARN, "the family names differ; identifier and birth date agree",
        lambda e: e.name == Likeness.FAMILY_DIFFERS and e.same_id and e.may_be_born,
    ),
    Rule(
        "R7", Level.WARN, "the given names differ; identifier, birth date and examination agree",
        lambda e: e.name == Likeness.GIVEN_DIFFERS and e.same_id
        and e.may_be_born and e.same_exam,
    ),
    Rule(
        "R7", Level.BLOCK, "family or given names differ",
        lambda e: e.name in (Likeness.FAMILY_DIFFERS, Likeness.GIVEN_DIFFERS),
    ),
    Rule(
        "R7", Level.BLOCK,
        "the names differ a little, and neither identifier nor examination agrees",
        lambda e: e.name == Likeness.NEAR and not e.same_id
        and not (e.may_be_born and e.same_exam),
    ),
    Rule(
        "R7", Level.BLOCK, "names and identifiers differ, as of twins",
        lambda e: e.name == Likeness.NEAR and e.patient_id == Link.OTHER,
    ),
    Rule("R5", Level.WARN, "the birth dates differ a little", lambda e: e.birth_date == Link.SLIP),
    Rule("R6", Level.WARN, "the sexes differ", lambda e: e.sex == Link.CONFLICT),
    Rule("R7", Level.WARN, "the names differ a little", lambda e: e.name == Likeness.NEAR),
    Rule(
        "R5", Level.WARN,
        "the birth date can be read in two ways, or be a relative's; no identifier agrees",
        lambda e: e.name == Likeness.EQUAL and e.birth_date == Link.UNSURE and not e.same_id,
    ),
    Rule(
        "R4", Level.BLOCK,
        "the identifiers are of different authorities, and name and birth date do not both agree",
        lambda e: e.patient_id == Link.OTHER and e.name is not None
        and not e.same_person and not e.same_exam,
    ),
    Rule(
        "R8", Level.WARN, "another examination of the same patient",
        lambda e: e.other_exam and (e.same_id or e.same_person),
    ),
    Rule(
        "R11", Level.MATCH, "the text has the patient's name and identifier",
        lambda e: e.in_words and e.name == Likeness.EQUAL and e.same_id,
    ),
    Rule(
        "R11", Level.MATCH, "the text has the patient's name and birth date",
        lambda e: e.in_words and e.same_person and e.patient_id != Link.OTHER,
    ),
    Rule(
        "R4", Level.MATCH, "identifier and name agree",
        lambda e: e.same_id and e.name is not None,
    ),
    Rule(
        "R4", Level.MATCH, "name, birth date and examination agree",
        lambda e: e.same_person and e.same_exam,
    ),
    Rule(
        "R4", Level.WARN, "name and birth date agree; no identifier or examination says more",
        lambda e: e.same_person,
    ),
    Rule(
        "R11", Level.WARN, "the text has the patient's name, but no identifier and no birth date",
        lambda e: e.in_words and e.name == Likeness.EQUAL and e.birth_date == Link.MISSING,
    ),
    Rule("R10", Level.WARN, "the report says too little of whom it is about", lambda _: True),
)  # fmt: skip
"""In this order: the first that holds decides."""


def match(images: Identity, report: Identity) -> Verdict:
    """Return whether a report may go with images, and why."""
    evidence = gather(images, report)
    return next(rule.verdict for rule in RULES if rule.holds(evidence))


def gather(images: Identity, report: Identity) -> Evidence:
    """Compare all that two identities say."""
    pseudonym = _has_pseudonym(images, report)
    # A pseudonym may look like a placeholder (ANON-…), and says whose images these are.
    is_ours = images.deidentified and pseudonym
    return Evidence(
        name=names.compare(images.names, report.names),
        patient_id=_compare_ids(images.ids, report.ids),
        birth_date=_compare_births(images, report),
        sex=_compare_sexes(images.sex, report.sex),
        accession=_compare_numbers(images.accessions, report.accessions),
        study_uid=_compare_numbers(images.study_uids, report.study_uids),
        placeholder=not is_ours and names.is_placeholder((*images.names, *report.names)),
        deidentified=images.deidentified,
        n_patients=report.n_patients,
        says_who=report.says_who,
        in_words=report.in_words,
        pseudonym=pseudonym,
    )


def _has_pseudonym(images: Identity, report: Identity) -> bool:
    """Whether a report names nobody but the pseudonym of the images: one text as name and number.

    So are the copies named that go along with images that we de-identify.
    """
    ours = {plain_number(one.value) for one in images.ids}
    theirs = {plain_number(one.value) for one in report.ids}
    called = {plain_number("".join(name.words)) for name in report.names}
    return bool(called) and not report.birth_date and called == theirs == ours


def _compare_births(images: Identity, report: Identity) -> Link:
    link = compare_birth_dates(images.birth_date, report.birth_date)
    return Link.UNSURE if report.birth_in_doubt and link == Link.EQUAL else link


def _compare_ids(ours: tuple[Identifier, ...], theirs: tuple[Identifier, ...]) -> Link:
    """An equal one of one authority counts; none equal of one authority is a contradiction.

    Where an authority is not said, an equal number counts, a different one says nothing.
    """
    pairs = [
        (a, b) for a in ours for b in theirs
        if plain_number(a.value) not in _NO_NUMBER and plain_number(b.value) not in _NO_NUMBER
    ]  # fmt: skip
    if not pairs:
        return Link.MISSING
    if any(plain_number(a.value) == plain_number(b.value) and _may_share(a, b) for a, b in pairs):
        return Link.EQUAL
    unlike = [(a, b) for a, b in pairs if plain_number(a.value) != plain_number(b.value)]
    return Link.CONFLICT if any(_share(a, b) for a, b in unlike) else Link.OTHER


def _share(one: Identifier, other: Identifier) -> bool:
    return bool(_authorities(one) & _authorities(other))


def _may_share(one: Identifier, other: Identifier) -> bool:
    """Whether a number may be of one authority; two of one name differ by their identifiers."""
    if not one.authorities or not other.authorities:
        return True
    ours, theirs = (set(filter(_UID.fullmatch, _authorities(i))) for i in (one, other))
    return _share(one, other) and not (ours and theirs and not ours & theirs)


def _authorities(identifier: Identifier) -> frozenset[str]:
    return frozenset(
        name.strip().casefold().removeprefix("urn:oid:").removeprefix("urn:uuid:")
        for name in identifier.authorities
        if name.strip()
    )


def _compare_numbers(ours: tuple[str, ...], theirs: tuple[str, ...]) -> Link:
    our_numbers = {plain_number(value, dotted=True) for value in ours} - {""}
    their_numbers = {plain_number(value, dotted=True) for value in theirs} - {""}
    if not our_numbers or not their_numbers:
        return Link.MISSING
    return Link.EQUAL if our_numbers & their_numbers else Link.OTHER


def plain_number(value: str, *, dotted: bool = False) -> str:
    """Return an identifier without what people add: blanks, hyphens, case, leading zeros."""
    kept = re.sub(r"[^\w.]" if dotted else r"[\W_]", "", value).upper()
    return kept.lstrip("0") or kept[:1]


def _compare_sexes(one: str, other: str) -> Link:
    ours, theirs = _sex(one), _sex(other)
    if not ours or not theirs:
        return Link.MISSING
    return Link.EQUAL if ours == theirs else Link.CONFLICT


def _sex(text: str) -> str:
    """Return M or F for a code or a word; animals have two letters (MN, FS)."""
    word = plain_letters(text.strip())
    first = re.split(r"[\W_]", word, maxsplit=1)[0]
    code = first[:1].upper() if len(first) <= len("MN") else ""
    sexes = tables().sexes
    return sexes.get(word) or sexes.get(first, code if code in ("M", "F") else "")
