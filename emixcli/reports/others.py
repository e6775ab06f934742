"""Lines of a text that are wholly about somebody who is not the patient.

A part under a heading of its own (*Next of kin*, then *Name: …* and *DOB: …*), a row of a table
that says *Father*, a name with *(mother)* behind it. What other labels say in a line of their own
is told by `emixcli.reports.words`.
"""

from __future__ import annotations

import re
from typing import Final

from emixcli.reports.labels import Label, plain_letters, tables

CELLS: Final = re.compile(r"\s*[\t|;]\s*|\s{2,}")
_MAX_LINE: Final = 400
_MIN_CELLS: Final = 3
_EDGE: Final = " \t-*>|•·#"
_GENERIC: Final = re.compile(r"\s+(?:data|details|information|info)$")
_NAMES: Final = frozenset({Label.NAME, Label.FAMILY, Label.GIVEN})
_PERSONAL: Final = _NAMES | {Label.BORN, Label.ID, Label.SEX}
_IN_BRACKETS: Final = re.compile(r"\(([^()]{2,24})\)")


def without_others(lines: list[str]) -> list[str]:
    """Return the lines with those left empty that are about another person."""
    kept, number = list(lines), 0
    while number < len(lines):
        end = _end_of_part(lines, number)
        for place in range(number, end):
            kept[place] = ""
        number = max(end, number + 1)
    return kept


def _end_of_part(lines: list[str], start: int) -> int:
    """Return behind which line what is said of another person ends; `start` where nothing is."""
    plain = plain_letters(lines[start][:_MAX_LINE]).strip(_EDGE)
    if _is_row(plain) or _is_in_brackets(plain):
        return start + 1
    heading, colon, rest = plain.partition(":")
    kind = None if rest.strip() else tables().labels.get(_GENERIC.sub("", heading).strip())
    if kind is None or not kind.is_other or (colon and kind == Label.OTHER):
        return start
    allowed = _PERSONAL if kind == Label.RELATIVE else _NAMES
    seen: set[Label] = set()
    for place in range(start + 1, len(lines)):
        found = _labelled(lines[place])
        first_is_name = bool(seen) or not colon or found in _NAMES
        if found is None or found not in allowed or found in seen or not first_is_name:
            return place if seen else start
        seen.add(found)
    return len(lines) if seen else start


def _labelled(line: str) -> Label | None:
    """Return the label at the start of a line that has a value behind it, not of the patient."""
    plain = plain_letters(line[:_MAX_LINE]).strip(_EDGE)
    match = tables().pattern.match(plain)
    if not match or not plain[match.end() :].strip() or "pat" in match["label"]:
        return None
    return tables().labels[" ".join(match["label"].split())]


def _is_row(plain: str) -> bool:
    """Whether one cell of a row is the label of another person: more of them are headings."""
    cells = CELLS.split(plain)
    known = [kind for cell in cells if (kind := tables().labels.get(cell.strip(" :")))]
    return len(cells) >= _MIN_CELLS and len(known) == 1 and known[0].is_other


def _is_in_brackets(plain: str) -> bool:
    labels = tables().labels
    found = (labels.get(text.strip()) for text in _IN_BRACKETS.findall(plain))
    match = tables().pattern.match(plain)
    first = labels[" ".join(match["label"].split())] if match else None
    return Label.RELATIVE in found and first != Label.PATIENT
