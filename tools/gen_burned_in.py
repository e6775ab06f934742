"""Writes emixcli/data/burned_in.json: where devices burn text into pixels.

    python3 tools/gen_burned_in.py CTP_DicomPixelAnonymizer.script pydicom_deid.dicom

The first file is the script of the RSNA's Clinical Trial Processor, of which only the facts are
taken (which device, which region); the second is the recipe of pydicom/deid (MIT; its notice goes
into the output). Rules of the recipe that repeat the script's are left out.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OUTPUT = ROOT / "emixcli" / "data" / "burned_in.json"

Test = list[str]  # attribute, "has" or "is", then the values, any of which will do
Clause = list[Test]  # any of these
Region = list[int]  # x0, y0, x1, y1

DEID_LICENCE = (
    "MIT License. Copyright (c) 2017-2019 Vanessa Sochat. Permission is hereby granted, free of "
    "charge, to any person obtaining a copy of this software and associated documentation files "
    '(the "Software"), to deal in the Software without restriction, including without limitation '
    "the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies "
    "of the Software, and to permit persons to whom the Software is furnished to do so, subject "
    "to the following conditions: The above copyright notice and this permission notice shall be "
    "included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "
    '"AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE '
    "WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO "
    "EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER "
    "LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN "
    "CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."
)
NAMES = {
    "[0008,0070]": "Manufacturer",
    "[0008,1090]": "ManufacturerModelName",
    "[0028,0010]": "Rows",
    "[0028,0011]": "Columns",
    "[0018,1030]": "ProtocolName",
    "Manfacturer": "Manufacturer",
    "CodeMeaning": "CTDIPhantomTypeCodeSequence",
}
#: What screens and reformatted images are called in Image Type.
NOT_ORIGINAL: Clause = [["ImageType", "has", "derived", "secondary", "screen save", "dose"]]
#: Rules that would also blacken ordinary slices: attribute and value of one of their tests.
ONLY_DERIVED = {
    ("CTDIPhantomTypeCodeSequence", "iec body dosimetry phantom"),  # every slice may say so
    ("SeriesDescription", "3d"),  # also names three-dimensional acquisitions
    ("CommentsOnRadiationDose", "dlp"),
}


def main(script: Path, recipe: Path) -> None:
    """Write the data file."""
    rules = [
        *read_ctp(script.read_text("utf-8")),
        *read_deid(recipe.read_text("utf-8")),
    ]
    unique = {json.dumps([rule["if"], rule["black"]]): rule for rule in reversed(rules)}
    rules = [rule for rule in rules if rule in unique.values()]
    number: Counter[str] = Counter()
    for rule in rules:
        number[rule["id"]] += 1
        if number[rule["id"]] > 1:
            rule["id"] += f"-{number[rule['id']]}"
    sources = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (script, recipe)
    }
    head = {"sources": sources, "licences": {recipe.name: DEID_LICENCE}}
    lines = ",\n".join("  " + json.dumps(rule) for rule in rules)
    text = json.dumps(head, indent=1)[:-2] + ',\n "rules": [\n' + lines + "\n ]\n}\n"
    OUTPUT.write_text(text, "utf-8")
    print(f"{len(rules)} rules")


def read_ctp(text: str) -> list[dict[str, Any]]:
    """Return the rules of a CTP script: `{ condition } (x,y,width,height) …`."""
    found = re.findall(r"\{([^}]*)\}\s*((?:\(\d+,\d+,\d+,\d+\)\s*)+)", text)
    rules = []
    for condition, places in found:
        if "[6000," in condition:
            continue  # an overlay: those are never kept with their text
        clauses = [_ctp_clause(part) for part in _split(condition)]
        regions = [
            _corners(list(map(int, place)))
            for place in re.findall(r"(\d+),(\d+),(\d+),(\d+)", places)
        ]
        rules.append(_rule("ctp", clauses, regions))
    return rules


def _split(condition: str) -> list[str]:
    """Split at the asterisks outside parentheses that group alternatives."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(condition):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "*" and depth == 0:
            parts.append(condition[start:index])
            start = index + 1
    return [*parts, condition[start:]]


def _ctp_clause(part: str) -> Clause:
    tests = re.findall(r'([\w\[\],]+)\.(\w+)\s*\("([^"]*)"\)', part)
    return [
        [NAMES.get(name, name), "is" if method == "equals" else "has", value.strip().lower()]
        for name, method, value in tests
    ]


def read_deid(text: str) -> list[dict[str, Any]]:
    """Return the rules with regions of a recipe of pydicom/deid, those of CTP left out."""
    body = text.partition("%filter graylist")[2].partition("%filter blacklist")[0]
    rules = []
    for block in re.split(r"^LABEL ", body, flags=re.MULTILINE)[1:]:
        label, *lines = block.splitlines()
        if "(CTP)" in label or "coordinates" not in block:
            continue
        clauses: list[Clause] = []
        regions: list[Region] = []
        for line in map(str.strip, lines):
            place = re.match(r"(ctp)?coordinates ([\d, ]+)", line)
            if place:
                numbers = [int(number) for number in place[2].split(",")]
                regions.append(_corners(numbers) if place[1] else numbers)
            elif line and not line.startswith(("#", "%")):
                clauses += _deid_clauses(line.lstrip("+ "))
        if regions and clauses:
            rules.append(_rule("deid", clauses, regions))
    return rules


def _deid_clauses(line: str) -> list[Clause]:
    clause: Clause = []
    for part in line.split("||"):
        verb, name, values = part.split(maxsplit=2)
        name = NAMES.get(name, name)
        if "+" in values and "SOMATOM" not in values:
            return [[[name, "has", value.strip().lower()]] for value in values.split("+")]
        words = [value.strip().lower() for value in values.split("|")]
        clause.append([name, "is" if verb == "equals" else "has", *words])
    return [clause]


def _corners(place: list[int]) -> Region:
    x, y, width, height = place
    return [x, y, x + width, y + height]


def _rule(source: str, clauses: list[Clause], regions: list[Region]) -> dict[str, Any]:
    tests = [test for clause in clauses for test in clause]
    if any((test[0], value) in ONLY_DERIVED for test in tests for value in test[2:]):
        clauses = [*clauses, NOT_ORIGINAL]
    said = {test[0]: test[2] for test in reversed(tests)}
    keys = ("Modality", "Manufacturer", "ManufacturerModelName", "SeriesDescription",
            "ImplementationVersionName", "Rows", "Columns")  # fmt: skip
    words = re.sub(r"[^a-z0-9]+", "-", " ".join(said[key] for key in keys if key in said).lower())
    rule: dict[str, Any] = {
        "id": f"{source}-{words.strip('-') or 'any'}",
        "if": clauses,
        "black": regions,
    }
    if _names_a_device(said):
        rule["enough"] = True
    return rule


def _names_a_device(said: dict[str, str]) -> bool:
    """Whether the rule knows its device so well that nothing else is burned in."""
    if "ManufacturerModelName" in said or "ImplementationVersionName" in said:
        return True
    details = {"SeriesDescription", "CommentsOnRadiationDose", "Columns", "ImageType"}
    return "Manufacturer" in said and bool(details & said.keys())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
