"""Rules about pixels: tests of attributes, and the regions that they name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from emixcli.deid import tables
from emixcli.deid.pixels.facts import KEYWORDS, Facts, Region
from emixcli.errors import UsageError

#: A rule of a site may not list more than this.
#: Where a person finds what a rule of a site looks like.
WRITTEN: Final = "the guide De-identify a folder shows how rules are written"
_MAX_REGIONS: Final = 64
_MAX_PIXEL: Final = 65_535
#: A bar is at least so many times wider than high.
_BAR: Final = 6

#: Values in lower case by keyword.
Texts = Mapping[str, str]


class Test(NamedTuple):
    """One attribute compared with values in lower case, any of which will do."""

    keyword: str
    verb: str
    values: tuple[str, ...]

    def holds(self, texts: Texts) -> bool:
        """Tell whether it holds of values in lower case."""
        text = texts[self.keyword]
        if self.verb == "is":
            return text in self.values
        if self.verb == "starts":
            return f"{text} ".startswith(self.values)
        for value in self.values:  # noqa: SIM110  # a hundred rules are tried for each series
            if value in text:
                return True
        return False


Clause = tuple[Test, ...]


def all_hold(clauses: tuple[Clause, ...], texts: Texts) -> bool:
    """Whether in every clause a test holds."""
    for clause in clauses:
        for test in clause:
            if test.holds(texts):
                break
        else:
            return False
    return True


class Rule(NamedTuple):
    """Regions that are blackened where in every clause a test holds.

    Attributes
    ----------
    enough
        Whether the rule knows its device so well that nothing else is burned in.
    """

    id: str
    clauses: tuple[Clause, ...]
    regions: tuple[Region, ...]
    enough: bool = False

    @property
    def has_size(self) -> bool:
        """Whether it is about images of one size."""
        tested = {test.keyword for clause in self.clauses for test in clause}
        return not tested.isdisjoint({"Rows", "Columns"})

    def regions_in(self, facts: Facts) -> tuple[Region, ...]:
        """Return its regions in an image.

        A bar along the upper border goes on to the image's border. Where the rule names no size,
        the bar of a wider image is as much higher.
        """
        columns, rows = facts.columns, facts.rows
        found = []
        for region in self.regions:
            part = region
            is_bar = region.x0 == region.y0 == 0 and region.x1 >= _BAR * region.y1
            if is_bar and not self.has_size:
                height = -(-region.y1 * max(columns, region.x1) // region.x1)
                part = Region(0, 0, columns, height)
            elif region.x0 == 0 and 4 * region.x1 >= 3 * columns:
                part = region._replace(x1=columns)
            clipped = part.clip(columns, rows)
            if clipped is not None:
                found.append(clipped)
        return tuple(found)


class Risk(NamedTuple):
    """A kind of image that often shows who the patient is.

    Attributes
    ----------
    believe
        Whether Burned In Annotation NO (with `visible`: also Recognizable Visual Features NO)
        settles it.
    clean
        Whether blackened regions of a rule that knows the device settle it.
    """

    id: str
    what: str
    clauses: tuple[Clause, ...]
    believe: bool
    visible: bool
    clean: bool


class Head(NamedTuple):
    """What tells that an image shows a head, with the face.

    Attributes
    ----------
    parts, words
        Body parts, and words in descriptions.
    codes
        SNOMED CT and SRT, in Anatomic Region Sequence.
    """

    parts: frozenset[str]
    words: tuple[str, ...]
    codes: tuple[bytes, ...]
    classes: frozenset[str]


def lower_texts(facts: Facts) -> Texts:
    """Return the value of every keyword in lower case, "" where it is absent."""
    return {keyword: facts.text(keyword).lower() for keyword in KEYWORDS}


@lru_cache(maxsize=1)
def load_rules() -> tuple[Rule, ...]:
    """Return the catalogue of devices that burn text into images."""
    document = json.loads(tables.read("burned_in.json"))
    return tuple(
        Rule(
            row["id"],
            tuple(sorted((tuple(map(_test, clause)) for clause in row["if"]), key=_seldom)),
            tuple(Region(*place) for place in row["black"]),
            row.get("enough", False),
        )
        for row in document["rules"]
    )


@lru_cache(maxsize=1)
def _risk_table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(tables.read("pixel_risks.json"))
    return table


@lru_cache(maxsize=1)
def load_risks() -> tuple[Risk, ...]:
    """Return the kinds of risky images, in the order in which a reason is named."""
    return tuple(
        Risk(
            row["id"],
            row["what"],
            tuple(tuple(map(_test, row[key])) for key in ("if", "and") if key in row),
            row.get("believe", False),
            row.get("visible", False),
            row.get("clean", False),
        )
        for row in _risk_table()["risk"]
    )


@lru_cache(maxsize=1)
def load_head() -> Head:
    """Return what tells that an image shows a head."""
    table = _risk_table()["head"]
    return Head(
        frozenset(table["parts"]),
        tuple(table["words"]),
        tuple(code.encode() for code in table["codes"]),
        frozenset(table["classes"]),
    )


@lru_cache(maxsize=1)
def reasons() -> dict[str, str]:
    """Return every reason id of this package and what it says of an image."""
    table = _risk_table()
    return {row["id"]: row["what"] for row in (*table["risk"], *table["reason"])}


def parse_site_rule(rule_id: str, table: Mapping[str, Any]) -> Rule:
    """Return a rule of a site: `if` maps attributes to a value or list, `black` lists regions.

    A text matches as a part of the value, in any case; a number as the whole value. A site's rule
    is taken to know its device.

    Raises
    ------
    UsageError
        If an attribute or a region is not one.
    """
    conditions, regions = table.get("if"), table.get("black")
    if not isinstance(conditions, Mapping) or not conditions or not isinstance(regions, Sequence):
        raise UsageError(f"pixel rule {rule_id} needs `if` and `black`", hint=WRITTEN)
    clauses = []
    for keyword, wanted in conditions.items():
        if keyword not in KEYWORDS:
            raise UsageError(
                f"pixel rule {rule_id} names an attribute that cannot be tested",
                hint=f"attributes are {', '.join(KEYWORDS)}",
            )
        values = wanted if isinstance(wanted, list) else [wanted]
        verb = "is" if all(isinstance(value, int) for value in values) else "has"
        words = tuple(str(value).strip().lower() for value in values)
        if not all(words):
            raise UsageError(
                f"pixel rule {rule_id} has an empty value, which would match all", hint=WRITTEN
            )
        clauses.append((Test(keyword, verb, words),))
    return Rule(f"site-{rule_id}", tuple(clauses), _regions(rule_id, regions), enough=True)


def _regions(rule_id: str, rows: Sequence[Any]) -> tuple[Region, ...]:
    found = []
    for row in rows[: _MAX_REGIONS + 1]:
        fits = (
            isinstance(row, list)
            and len(row) == 4
            and all(type(number) is int and 0 <= number <= _MAX_PIXEL for number in row)
        )
        if not fits or row[0] >= row[2] or row[1] >= row[3]:
            raise UsageError(f"pixel rule {rule_id}: a region is [x0, y0, x1, y1]", hint=WRITTEN)
        found.append(Region(*row))
    if not 0 < len(found) <= _MAX_REGIONS:
        raise UsageError(
            f"pixel rule {rule_id} needs between 1 and {_MAX_REGIONS} regions", hint=WRITTEN
        )
    return tuple(found)


def _seldom(clause: Clause) -> int:
    """Order clauses: those that seldom hold first."""
    names = ("ManufacturerModelName", "SeriesDescription", "Rows", "Columns", "Manufacturer")
    return names.index(clause[0].keyword) if clause[0].keyword in names else len(names)


def _test(row: Sequence[str]) -> Test:
    return Test(row[0], row[1], tuple(row[2:]))
