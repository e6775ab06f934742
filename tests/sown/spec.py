"""Objects described as tables: keyword to a value, to items, or to a mark of what is sown there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword

from tests.sown.ledger import Kind, Ledger, Rule

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Mark:
    """Something to be sown; `form` has a `{}` for it.

    Parameters
    ----------
    what
        `word`, `local` (in letters of the patient), `name`, `label`, `number`, `day`, `moment` or
        `uid`.
    """

    what: str
    form: str = "{}"
    rule: Rule = Rule.TABLE

    def free(self) -> Mark:
        """Return the same for a place that no row of the table has."""
        return replace(self, rule=Rule.FREE)

    def within(self, form: str) -> Mark:
        """Return the same inside other text."""
        return replace(self, form=form)


WORD, LOCAL, NAME, LABEL = Mark("word"), Mark("local"), Mark("name"), Mark("label")
NUMBER, DAY, MOMENT, UID = Mark("number"), Mark("day"), Mark("moment"), Mark("uid")
FREE = WORD.free()


def fill(ledger: Ledger, ds: Dataset, spec: Spec, path: str = "") -> Dataset:
    """Set elements of a data set; returns it."""
    for keyword, value in spec.items():
        place = f"{path}>{keyword}" if path else keyword
        setattr(ds, keyword, _made(ledger, keyword, value, place))
    return ds


def item(ledger: Ledger, spec: Spec, path: str = "item") -> Dataset:
    """Return an item of a sequence."""
    return fill(ledger, Dataset(), spec, path)


def _made(ledger: Ledger, keyword: str, value: Any, place: str) -> Any:
    if isinstance(value, Mark):
        return value.form.format(sow(ledger, value, place))
    if isinstance(value, list) and value and isinstance(value[0], Mapping | Dataset):
        return [
            one if isinstance(one, Dataset) else item(ledger, one, f"{place}[{number}]")
            for number, one in enumerate(value)
        ]
    if isinstance(value, list):
        return [_made(ledger, keyword, one, place) for one in value]
    return value


def sow(ledger: Ledger, mark: Mark, place: str) -> str:
    """Sow what a mark asks for; returns it as DICOM writes it."""
    rule = mark.rule
    if mark.what == "name":
        parts = (ledger.foreign(ledger.script), ledger.foreign(ledger.script))
        return "^".join(ledger.sow(place, part, Kind.TEXT, rule) for part in parts)
    if mark.what in {"day", "moment"}:
        day = ledger.sow(place, ledger.day().isoformat(), Kind.DAY, rule).replace("-", "")
        return day if mark.what == "day" else f"{day}101112"
    if mark.what == "number":
        return ledger.sow(place, ledger.number(), Kind.NUMBER, rule)
    if mark.what == "uid":
        return ledger.sow(place, ledger.uid(), Kind.UID, rule)
    if mark.what == "local":
        return ledger.sow(place, ledger.foreign(ledger.script), Kind.TEXT, rule)
    word = ledger.sow(place, ledger.word(), Kind.TEXT, rule)
    return word.upper() if mark.what == "label" else word


#: What is sown into an element, by its VR.
BY_VR = {
    "LO": WORD, "SH": WORD, "LT": WORD, "ST": WORD, "UT": WORD, "UC": WORD, "PN": NAME, "DA": DAY,
    "DT": MOMENT, "UI": UID, "CS": LABEL, "IS": NUMBER, "UR": WORD.within("http://{}.example/x"),
}  # fmt: skip


def code(value: Any = "1", scheme: Any = "99SOWN", meaning: Any = FREE) -> dict[str, Any]:
    """Return a coded concept."""
    return {"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}


def refer(instance: tuple[str, str], **more: Any) -> dict[str, Any]:
    """Return a reference to SOP class and instance."""
    return {"ReferencedSOPClassUID": instance[0], "ReferencedSOPInstanceUID": instance[1], **more}


def sow_row(ledger: Ledger, ds: Dataset, tag: int, path: str) -> None:
    """Sow into an element of the table, by its VR."""
    mark = BY_VR.get(dictionary_VR(tag))
    if mark is not None and tag not in ds and dictionary_VR(tag) != "SQ":
        value = mark.form.format(sow(ledger, mark, f"{path}({tag:08X})"))
        ds.add_new(tag, dictionary_VR(tag), value)


def tag_of(keyword: str) -> int:
    """Return the tag of a keyword."""
    tag = tag_for_keyword(keyword)
    assert tag is not None, keyword
    return tag
