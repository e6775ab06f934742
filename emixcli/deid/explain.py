"""What would happen to an attribute, and which rule says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from emixcli.deid import tables
from emixcli.deid.identity import TAGS as NAMING
from emixcli.deid.kept import PATIENT_ID, PATIENT_NAME
from emixcli.deid.options import NO_RULES, Option, Profile
from emixcli.deid.parse import vr_of
from emixcli.deid.rules import CHARACTER_SET, DATE_VRS, DEFINITIONS, Rules, find_row
from emixcli.errors import UsageError

_TAG: Final = re.compile(r"\(?([0-9A-Fa-f]{4}),?\s*([0-9A-Fa-f]{4})\)?")
#: As in `siterules`: pixel data, as numbers of any kind.
PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
#: Of study, series, acquisition, content and instance.
_EXAMINATIONS: Final = 0x0008
_WORDS: Final = {
    "X": "removed",
    "Z": "made empty",
    "D": "replaced by a dummy value",
    "U": "UIDs replaced by new ones, the same for the same key",
    "K": "kept, but for values of the patient in it",
}
_CLEANED: Final = {
    "dates": "moved by the patient's number of days",
    "items": "looked into: each element by its own rule",
    "text": "words of the standard are kept, all others removed",
}
#: What becomes of a kept value that is no text, or names somebody or something itself.
_KEPT: Final = {
    "SQ": _CLEANED["items"],
    "UI": "kept",
    "TM": "kept",
    "AS": "kept, but 90 years for more than 89",
}
_KEPT_NAME: Final = "kept, here and in other text, but for other values of the patient in it"
_KEPT_DEFINITION: Final = "kept where it is published or accepted, else replaced by a new UID"
_KEPT_PIXELS: Final = (
    "kept, but for what pixel options and rules blacken; images of kinds that often show text or a"
    " face are refused"
)
#: What stays whole in any case; other kept values outside the table are reduced to known words.
_WHOLE: Final = DEFINITIONS | {CHARACTER_SET}
#: How much of a value an action lets through.
_STRICTNESS: Final = {"K": 0, "C": 1, "U": 2, "D": 3, "Z": 3, "X": 4}


class Explanation(NamedTuple):
    """What would happen to an attribute.

    Attributes
    ----------
    action
        Letters of PS3.15 Table E.1-1a; of several the type in the object's IOD decides.
    words
        What they mean here.
    rule
        Which rule says so.
    is_loosened
        Whether a site lets through what the profile does not.
    """

    tag: int
    name: str
    action: str
    words: str
    rule: str
    is_loosened: bool = False


def find_tag(text: str) -> int:
    """Return the tag of a keyword in any letter case, `0010,0010`, `(0010,0010)` or `00100010`.

    Raises
    ------
    UsageError
        If it is none.
    """
    found = _TAG.fullmatch(text.strip())
    if found is not None:
        return int(found[1] + found[2], 16)
    from pydicom.datadict import keyword_dict

    known = {**_newer_tags(), **keyword_dict}
    spelt = {keyword.casefold(): keyword for keyword in known}
    name = text.strip().casefold()
    if name in spelt:
        return known[spelt[name]]
    from difflib import get_close_matches

    near = [spelt[one] for one in get_close_matches(name, spelt, n=1)]
    raise UsageError(
        "no attribute is called so",
        hint=f"did you mean {near[0]}?"
        if near
        else "a keyword such as PatientName, or (0010,0010)",
    )


def _newer_tags() -> dict[str, int]:
    """Return the tags of attributes by the keyword that their name gives."""
    return {
        "".join(
            word[:1].upper() + word[1:] for word in re.findall(r"\w+", row.name.replace("'s", ""))
        ): int(tag, 16)
        for tag, row in tables.profile().items()
        if re.fullmatch(r"[0-9A-F]{8}", tag)
    }


def explain(tag: int, profile: Profile) -> Explanation:
    """Return what would happen to an attribute of a data set."""
    row = find_row(tag)
    name = row.name if row is not None else _name(tag)
    if tag >> 16 & 1:
        return _explain_private(tag, name, profile)
    by_site = tag in profile.rules.actions
    rule = Rules(profile)[tag]
    strict = Rules(Profile(profile.options))[tag]
    because = rule.because if row is None else f"{rule.because}: ({_spelt(tag)}) {row.basic}"
    if tag in PIXELS:
        because = "not in Table E.1-1: options clean-pixel-data and clean-recognizable"
    return Explanation(
        tag,
        name,
        "/".join(rule.letters),
        _words(tag, rule.letters, by_site=by_site),
        because,
        is_loosened=_loosest(rule.letters) < _loosest(strict.letters)
        or (rule.letters == "K" and by_site and row is None and tag not in _WHOLE),
    )


def _explain_private(tag: int, name: str, profile: Profile) -> Explanation:
    number = tag & 0xFFFF00FF
    creators = [creator for creator, safe in profile.rules.safe_private if safe == number]
    if creators:
        words = f"kept where its creator is {' or '.join(creators)}, else removed"
        return Explanation(tag, name, "C", words, "a rule of this site", is_loosened=True)
    if Option.RETAIN_SAFE_PRIVATE in profile.options:
        words = "kept where Table E.3.10-1 calls it safe for its creator, else removed"
        rule = "PS3.15 Table E.1-1, option retain-safe-private"
        return Explanation(tag, name, "C", words, rule)
    rule = "PS3.15 Table E.1-1, Basic Profile: private attributes"
    return Explanation(tag, name, "X", _WORDS["X"], rule)


def _words(tag: int, letters: str, *, by_site: bool) -> str:
    if tag in (PATIENT_NAME, PATIENT_ID) and letters != "K":
        return "replaced by a pseudonym, the same for the same patient and key"
    vr = vr_of(tag, "")
    if letters == "C":
        kind = "items" if vr == "SQ" else "dates" if vr in DATE_VRS else "text"
        return _CLEANED[kind]
    if letters == "K":
        return _kept_words(tag, vr, by_site=by_site)
    if "U" in letters:
        return _WORDS["U"]
    words = " or ".join(_WORDS[letter] for letter in letters)
    return words if len(letters) == 1 else f"{words}, as its type in the IOD asks"


def _kept_words(tag: int, vr: str, *, by_site: bool) -> str:
    """Return what is left of a kept value: `Values.keep`, and what `iter_known` then leaves out."""
    if tag in PIXELS:
        return _KEPT_PIXELS
    if tag in DEFINITIONS:
        return _KEPT_DEFINITION
    if vr == "PN" or tag in NAMING:
        return _KEPT_NAME
    if vr in ("DA", "DT"):
        is_whole = by_site or tag >> 16 == _EXAMINATIONS
        return "kept" if is_whole else "kept, but for the birth date"
    return _KEPT.get(vr, _WORDS["K"])


def _loosest(letters: str) -> int:
    return min(_STRICTNESS[letter] for letter in letters)


def _spelt(tag: int) -> str:
    return f"{tag >> 16:04X},{tag & 0xFFFF:04X}"


def _name(tag: int) -> str:
    if tag not in tables.dictionary():
        return "not in PS3.6"
    from pydicom.datadict import dictionary_description

    try:
        return dictionary_description(tag)
    except KeyError:
        return ""


def profile_rows(profile: Profile) -> Iterator[Explanation]:
    """Yield what would happen to each attribute of Table E.1-1, and to those that a site names."""
    listed = [int(tag.replace("x", "0"), 16) for tag in tables.profile() if tag != "private"]
    for tag in sorted({*listed, *profile.rules.actions}):
        yield explain(tag, profile)
    yield explain(0x00091001, profile)
    for _, number in profile.rules.safe_private:
        yield explain(number | 0x1000, profile)


def loosened(profile: Profile) -> list[Explanation]:
    """Return the attributes for which a site is less strict than the profile."""
    if profile.rules == NO_RULES:
        return []
    return [row for row in profile_rows(profile) if row.is_loosened]
