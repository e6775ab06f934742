"""What happens to an attribute, and which rule says so.

In order of precedence: a site's rule; options of PS3.15 Table E.1-1; the Basic Profile; for what
the table does not list, by value representation (`_unlisted`). Attributes that PS3.6 does not know
are removed, since nobody can tell what they hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from emixcli.deid import tables
from emixcli.deid.options import Option, Profile
from emixcli.deid.parse import vr_of

DATE_VRS: Final = frozenset({"DA", "DT", "TM"})
#: What is drawn in bits cannot be cleaned with certainty: it goes, also with Clean Graphics.
_BITMAPS: Final = frozenset({"Curve Data", "Overlay Data", "Overlay Comments"})
_OVERLAY_COMMENTS: Final = 0x4000
#: Groups of commands, file meta information and directories.
_FOREIGN_GROUPS: Final = frozenset({0x0000, 0x0002, 0x0004, 0x0006})
#: Text that PS3.15 Table E.1-1 does not list but that nobody needs: addresses in the web.
_ADDRESS_VRS: Final = frozenset({"UR", "AE"})
_FREE_TEXT_VRS: Final = frozenset({"LO", "LT", "SH", "ST", "UC", "UT"})

#: Values of these become dummies, which are valid for any type, where they tell something.
_CHECKED_VRS: Final = frozenset({"CS", "DS", "IS"})
#: Text outside the table that stays as it is: it says how all other text is written.
CHARACTER_SET: Final = 0x00080005
#: UIDs of SOP classes, transfer syntaxes and coding schemes: of definitions, not of instances.
DEFINITIONS: Final = frozenset({
    0x00080016, 0x0008001A, 0x0008001B, 0x00080062, 0x0008010C, 0x00080117, 0x00080118, 0x00081150,
    0x0008115A, 0x00083002, 0x04000010,
})  # fmt: skip
#: Local and Universal Entity ID of HL7v2 hierarchic designators (PS3.3 section 10.14).
_ENTITIES: Final = frozenset({0x00400031, 0x00400032})
#: Keys of records, drawings for plotters, binary identifiers, signatures.
_OPAQUE: Final = frozenset({0x0008041B, 0x0008041C, 0x0040A074, 0x0040A089, 0x00686300, 0x04000120})
#: Encrypted attributes: what an earlier de-identification took away, for who has its key.
ENCRYPTED: Final = frozenset({0x04000500, 0x04000510, 0x04000520})
#: What the engine writes itself (PS3.15 section E.1.1).
MARKERS: Final = frozenset({0x00120062, 0x00120063, 0x00120064, 0x00280303})


#: As in `iods.Types`; 0 stands for type 3.
_TYPES: Final = (0, 1, 2)


def resolve(letters: str, kind: int) -> str:
    """Return the one action for an attribute of type 1, 2 or 3 (0 stands for 3).

    `X/Z/U*` becomes U: the references are worth keeping (PS3.15 Table E.1-1a). What an IOD asks
    for stays, empty or as a dummy, also where the table says X or Z.
    """
    if letters in ("K", "C", "U", "D"):
        return letters
    if "U" in letters:
        return "U"
    if kind == 1:
        return "D"
    if kind == 2:  # type 2: may be empty
        return "D" if letters == "XD" else "Z"
    return letters[0]


@dataclass(frozen=True, slots=True)
class Rule:
    """What is to be done.

    Attributes
    ----------
    letters
        As in PS3.15 Table E.1-1a: `K` keep, `C` clean, `U` new UIDs, `X` remove, `Z` empty or
        dummy, `D` dummy; several, as in `XZD`, where the type in the object's IOD decides.
    because
        The rule, in words that users read.
    basic
        What the Basic Profile would do: also done where cleaning leaves nothing.
    actions, fallbacks
        The one action, and the one where cleaning leaves nothing, for type 3, 1 and 2.
    """

    letters: str
    because: str
    basic: str = "XZD"
    actions: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        basic = self.basic if self.basic != "U" else "XZD"
        object.__setattr__(self, "actions", tuple(resolve(self.letters, kind) for kind in _TYPES))
        object.__setattr__(self, "fallbacks", tuple(resolve(basic, kind) for kind in _TYPES))


#: Attributes outside the table that need a rule of their own.
_SPECIAL: Final = (
    (_ENTITIES, Rule("XZD", "names an organisation that issues identifiers")),
    (_OPAQUE, Rule("XZD", "bytes that only their maker can read")),
    (ENCRYPTED, Rule("X", "nobody can tell what is encrypted (PS3.15 section E.1.1)", "X")),
    (DEFINITIONS, Rule("K", "UIDs of definitions")),
    ({CHARACTER_SET}, Rule("K", "defined terms say how text is written", "X")),
)


class Rules:
    """The rules of a profile.

    Parameters
    ----------
    profile
        Options and a site's rules.

    Attributes
    ----------
    safe_private
        VR of private elements that may stay, by creator and `gggg00ee`.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._options = profile.options
        self._site = profile.rules.actions
        self._found: dict[int, Rule] = {}
        self.safe_private = dict(profile.rules.safe_private)
        if Option.RETAIN_SAFE_PRIVATE in self._options:
            self.safe_private |= tables.safe_private()

    def __getitem__(self, tag: int) -> Rule:
        """Return the rule for a standard attribute; private ones are `private.py`'s matter."""
        rule = self._found.get(tag)
        if rule is None:
            rule = self._found[tag] = self._find(tag)
        return rule

    def keeps_content(self, tag: int) -> bool:
        """Whether an option or the site keeps what is in a sequence, texts and codes too.

        Retain UIDs keeps the references in it only.
        """
        row = find_row(tag)
        if row is None:
            return False
        kept = {
            Option(column)
            for column, letter in zip(tables.COLUMNS, row.options, strict=True)
            if letter == "K"
        }
        return tag in self._site or bool((kept - {Option.RETAIN_UIDS}) & self._options)

    def without(self, tags: Iterable[int]) -> Rules:
        """Return the same rules, but for attributes that go."""
        rules = Rules(self.profile)
        for tag in tags:
            rule = Rule("U" if vr_of(tag, "") == "UI" else "XZD", "found by the second look")
            rules._found[tag] = rule
        return rules

    def _find(self, tag: int) -> Rule:
        if tag in MARKERS:
            return Rule("X", "written anew (PS3.15 section E.1.1)", "X")
        if tag >> 16 in _FOREIGN_GROUPS:
            return Rule("X", "no element of a data set (PS3.7, PS3.10)", "X")
        if tag & 0xFFFF == 0:
            return Rule("X", "group lengths are retired (PS3.5 section 7.2)", "X")
        row = find_row(tag)
        site = self._site.get(tag)
        if site is not None:
            return Rule(site, "a rule of this site", "XZD" if row is None else _letters(row.basic))
        if row is not None:
            return self._by_row(row)
        return self._unlisted(tag)

    def _by_row(self, row: tables.Row) -> Rule:
        basic = _letters(row.basic)
        asked = {
            column: letter
            for column, letter in zip(tables.COLUMNS, row.options, strict=True)
            if letter != "-" and Option(column) in self._options
        }
        # Of two options the one that cleans wins over the one that keeps.
        if row.name in _BITMAPS:
            asked = {}
        for column, letter in sorted(asked.items(), key=lambda pair: pair[1]):
            return Rule(letter, f"PS3.15 Table E.1-1, option {column}", basic)
        return Rule(basic, "PS3.15 Table E.1-1, Basic Profile", basic)

    def _unlisted(self, tag: int) -> Rule:
        if tag not in tables.dictionary():
            return Rule("X", "not in PS3.6: nobody can tell what it holds", "X")
        for tags, rule in _SPECIAL:
            if tag in tags:
                return rule
        vr = vr_of(tag, "")
        if vr in DATE_VRS:
            return self._unlisted_date()
        if vr == "PN" or vr in _ADDRESS_VRS:
            return Rule("XZD", f"not in Table E.1-1, but of VR {vr}")
        if vr == "UI":
            return Rule("K" if Option.RETAIN_UIDS in self._options else "U", "UIDs of instances")
        if vr in _FREE_TEXT_VRS and tag not in tables.technical():
            return Rule("C", "free text outside Table E.1-1: words of the standard stay")
        basic = "D" if vr in _CHECKED_VRS else "XZD"
        return Rule("K", f"not in Table E.1-1; {_left_of(vr)}", basic)

    def _unlisted_date(self) -> Rule:
        if Option.RETAIN_FULL_DATES in self._options:
            return Rule("K", "option retain-full-dates", "XZD")
        if Option.RETAIN_MODIFIED_DATES in self._options:
            return Rule("C", "option retain-modified-dates", "XZD")
        return Rule("XZD", "a date outside Table E.1-1", "XZD")


def find_row(tag: int) -> tables.Row | None:
    """Return the row of PS3.15 Table E.1-1 for a tag; also of repeating groups."""
    rows = tables.profile()
    group = tag >> 16
    if group & 1:
        return rows["private"]
    row = rows.get(f"{tag:08X}")
    if row is not None:
        return row
    if group & 0xFF00 == 0x5000:
        return rows["50xxxxxx"]
    if group & 0xFF00 == 0x6000:
        return rows["60xx4000" if tag & 0xFFFF == _OVERLAY_COMMENTS else "60xx3000"]
    return None


def _left_of(vr: str) -> str:
    """Return what is left of a value that is kept."""
    if vr == "CS":
        return "known words and short codes stay"
    if vr in _FREE_TEXT_VRS:
        return "words of devices, codes and numbers stay"
    return "values of the patient are removed from text"


def _letters(action: str) -> str:
    return action.replace("/", "").replace("*", "")
