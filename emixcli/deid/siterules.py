"""Rules of a site, read from a TOML file.

max_shift_days = 365
accept_sop_classes = ["1.3.12.2.1107.5.9.1"]

[actions]                       # keyword or tag, and an action letter of Table E.1-1a
StudyDescription = "X"
"(0018,1030)" = "K"

[[private]]                     # keep a private element: it is safe at this site
creator = "SIEMENS MR HEADER"
group = "0019"
element = "0C"
vr = "IS"

[pixels.reading-room]           # blacken: see `deid.pixels.rules`
if = { Modality = "US" }
black = [[0, 0, 640, 48]]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from emixcli.deid.explain import PIXELS, find_tag
from emixcli.deid.options import NO_RULES, SiteRules
from emixcli.deid.parse import LONG_VRS, SHORT_VRS, vr_of
from emixcli.deid.pixels.rules import WRITTEN
from emixcli.deid.rules import ENCRYPTED, MARKERS
from emixcli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_LETTERS: Final = frozenset("XZDUCK")
_KEYS: Final = frozenset({"max_shift_days", "accept_sop_classes", "actions", "private", "pixels"})
_PRIVATE_KEYS: Final = frozenset({"creator", "group", "element", "vr"})
#: Groups of commands, file meta information and directories.
_FOREIGN_GROUPS: Final = frozenset({0x0000, 0x0002, 0x0004, 0x0006})
#: What says who the patient is (PS3.15 Table E.1-1): an object that keeps it may not claim Patient
#: Identity Removed (0012,0062). No option of the standard keeps any of them either.
DIRECT: Final = frozenset({
    0x00100010, 0x00100011, 0x00100012, 0x00100020, 0x00100030, 0x00100032, 0x00100033, 0x00100034,
    0x00101000, 0x00101001, 0x00101002, 0x00101005, 0x00101040, 0x00101050, 0x00101060,
    0x00101090, 0x00101100, 0x00102154, 0x00102155, 0x00102297,
})  # fmt: skip
#: What can happen to attributes without which no object is read: character set, SOP class and
#: instance. UIDs are retained by an option, so that references stay whole.
_NEEDED: Final = {0x00080005: "K", 0x00080016: "K", 0x00080018: "U"}
_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_UID: Final = re.compile(r"[0-2](\.(0|[1-9]\d*))+")
_LONGEST_UID: Final = 64
_LONGEST_SHIFT: Final = 36_525


def load_rules(path: Path) -> SiteRules:
    """Return the rules of a file.

    Raises
    ------
    UsageError
        If it cannot be read, or says something that is no rule.
    """
    import tomllib

    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as exc:
        raise UsageError("the file of site rules cannot be read", hint="check its name") from exc
    except UnicodeDecodeError as exc:
        raise UsageError(
            f"{path.name} is no text in UTF-8", hint="--rules takes a TOML file; check its name"
        ) from exc
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(
            f"the site rules are no TOML: {exc}", hint="https://toml.io shows how it is written"
        ) from exc
    try:
        return parse_rules(table)
    except UsageError as exc:
        raise UsageError(f"{path.name}: {exc.message}", hint=exc.hint) from exc


def parse_rules(table: Mapping[str, Any]) -> SiteRules:
    """Return the rules of a parsed TOML document; raises `UsageError` as `load_rules` does."""
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise UsageError(
            f"site rules: {unknown[0]} is none of them", hint=f"one of {', '.join(sorted(_KEYS))}"
        )
    days = table.get("max_shift_days", NO_RULES.max_shift_days)
    if isinstance(days, bool) or not isinstance(days, int) or not 1 <= days <= _LONGEST_SHIFT:
        raise UsageError(
            f"site rules: max_shift_days is a number from 1 to {_LONGEST_SHIFT}", hint=WRITTEN
        )
    classes = table.get("accept_sop_classes", [])
    if not isinstance(classes, list) or not all(map(_is_uid, classes)):
        raise UsageError("site rules: accept_sop_classes is a list of UIDs", hint=WRITTEN)
    if _DIRECTORY in classes:
        raise UsageError(
            "site rules: a DICOMDIR is made anew (--dicomdir), never accepted", hint=WRITTEN
        )
    return SiteRules(
        actions=_actions(_mapping(table, "actions")),
        safe_private=_private(table.get("private", [])),
        accept_sop_classes=frozenset(classes),
        max_shift_days=days,
        pixel_rules=_pixel_rules(table.get("pixels", [])),
    )


def _is_uid(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _LONGEST_UID and _UID.fullmatch(text) is not None


def _mapping(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"site rules: [{name}] is a table", hint=WRITTEN)
    return found


def _actions(table: Mapping[str, Any]) -> dict[int, str]:
    found = {}
    for name, letter in table.items():
        if letter not in _LETTERS:
            raise UsageError(f"site rules: no action for {name}", hint="one of X, Z, D, U, C and K")
        tag = _tag(name)
        why = _why_not(tag, letter)
        if why:
            raise UsageError(f"site rules: {name} cannot be {letter}: {why}", hint=WRITTEN)
        found[tag] = letter
    return found


def _tag(name: str) -> int:
    try:
        return find_tag(name)
    except UsageError as exc:
        raise UsageError(f"site rules: {name} is no attribute", hint=exc.hint) from exc


def _why_not(tag: int, letter: str) -> str:
    """Return why a rule for an attribute cannot work, "" if it can."""
    if tag >> 16 & 1:
        return "private elements are kept by [[private]]"
    if tag >> 16 in _FOREIGN_GROUPS or tag & 0xFFFF == 0:
        return "it is no part of a data set, or is made anew"
    if tag in MARKERS:
        return "it says what was de-identified, and is made anew"
    if tag in PIXELS:
        return "pixels are treated by [[pixels]] and the options for them"
    return _why_no_letter(tag, letter)


def _why_no_letter(tag: int, letter: str) -> str:
    if tag in DIRECT and letter in "KC":
        return (
            "it says who the patient is, so no object that keeps it is de-identified; leave it out,"
            " or X, Z or D"
        )
    if tag in ENCRYPTED and letter != "X":
        return "nobody can tell what is encrypted"
    if letter not in _NEEDED.get(tag, letter):
        return f"an object needs it, so only {_NEEDED[tag]} is possible"
    if letter == "U" and vr_of(tag, "UI") not in {"UI", "SQ"}:
        return "it holds no UID"
    return ""


def _private(rows: object) -> dict[tuple[str, int], str]:
    found = {}
    if not isinstance(rows, list):
        raise UsageError("site rules: [[private]] is a list of tables", hint=WRITTEN)
    for row in rows:
        if not isinstance(row, dict) or set(row) != _PRIVATE_KEYS:
            raise UsageError(
                "site rules: a [[private]] has creator, group, element and vr", hint=WRITTEN
            )
        try:
            group, element = int(str(row["group"]), 16), int(str(row["element"]), 16)
        except ValueError:
            raise UsageError(
                "site rules: group and element are hexadecimal", hint=WRITTEN
            ) from None
        if not group & 1 or group > 0xFFFF or element > 0xFF or row["vr"] not in _VRS:
            raise UsageError("site rules: a [[private]] names no private element", hint=WRITTEN)
        if not str(row["creator"]).strip():
            raise UsageError("site rules: a [[private]] has no creator", hint=WRITTEN)
        found[str(row["creator"]), group << 16 | element] = str(row["vr"])
    return found


_VRS: Final = LONG_VRS | SHORT_VRS


def _pixel_rules(rows: object) -> tuple[Any, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise UsageError(
            "site rules: [[pixels]] is a list of tables, each with an id", hint=WRITTEN
        )
    if not rows:
        return ()
    from emixcli.deid.pixels.rules import parse_site_rule

    return tuple(parse_site_rule(str(row["id"]), row) for row in rows)
