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

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from emixcli.deid.explain import find_tag
from emixcli.deid.options import SiteRules
from emixcli.deid.parse import LONG_VRS, SHORT_VRS
from emixcli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_LETTERS: Final = frozenset("XZDUCK")
_KEYS: Final = frozenset({"max_shift_days", "accept_sop_classes", "actions", "private", "pixels"})
_PRIVATE_KEYS: Final = frozenset({"creator", "group", "element", "vr"})
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
        raise UsageError("the file of site rules cannot be read") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise UsageError(f"the site rules are no TOML: {exc}") from exc
    return parse_rules(table)


def parse_rules(table: Mapping[str, Any]) -> SiteRules:
    """Return the rules of a parsed TOML document; raises `UsageError` as `load_rules` does."""
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise UsageError(
            f"site rules: {unknown[0]} is none of them", hint=f"one of {', '.join(sorted(_KEYS))}"
        )
    days = table.get("max_shift_days", SiteRules.max_shift_days)
    if not isinstance(days, int) or not 1 <= days <= _LONGEST_SHIFT:
        raise UsageError(f"site rules: max_shift_days is a number from 1 to {_LONGEST_SHIFT}")
    classes = table.get("accept_sop_classes", [])
    if not isinstance(classes, list) or not all(isinstance(uid, str) for uid in classes):
        raise UsageError("site rules: accept_sop_classes is a list of UIDs")
    return SiteRules(
        actions=_actions(_mapping(table, "actions")),
        safe_private=_private(table.get("private", [])),
        accept_sop_classes=frozenset(classes),
        max_shift_days=days,
        pixel_rules=_pixel_rules(table.get("pixels", [])),
    )


def _mapping(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"site rules: [{name}] is a table")
    return found


def _actions(table: Mapping[str, Any]) -> dict[int, str]:
    found = {}
    for name, letter in table.items():
        if letter not in _LETTERS:
            raise UsageError(f"site rules: no action for {name}", hint="one of X, Z, D, U, C and K")
        tag = find_tag(name)
        if tag >> 16 & 1:
            raise UsageError("site rules: private elements are kept by [[private]]")
        found[tag] = letter
    return found


def _private(rows: object) -> dict[tuple[str, int], str]:
    found = {}
    if not isinstance(rows, list):
        raise UsageError("site rules: [[private]] is a list of tables")
    for row in rows:
        if not isinstance(row, dict) or set(row) != _PRIVATE_KEYS:
            raise UsageError("site rules: a [[private]] has creator, group, element and vr")
        try:
            group, element = int(str(row["group"]), 16), int(str(row["element"]), 16)
        except ValueError:
            raise UsageError("site rules: group and element are hexadecimal") from None
        if not group & 1 or group > 0xFFFF or element > 0xFF or row["vr"] not in _VRS:
            raise UsageError("site rules: a [[private]] names no private element")
        found[str(row["creator"]), group << 16 | element] = str(row["vr"])
    return found


_VRS: Final = LONG_VRS | SHORT_VRS


def _pixel_rules(rows: object) -> tuple[Any, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
        raise UsageError("site rules: [[pixels]] is a list of tables, each with an id")
    if not rows:
        return ()
    from emixcli.deid.pixels.rules import parse_site_rule

    return tuple(parse_site_rule(str(row["id"]), row) for row in rows)
