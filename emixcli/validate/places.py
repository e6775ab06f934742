"""Collects findings while a medium is read, and says where they were met."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from emixcli.model import Refused, Severity
from emixcli.validate.codes import TYPES
from emixcli.words import noun, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emixcli.model import Finding, Instance

_MAX_PLACES = 12
#: Characters of an IS (PS3.5 section 6.2).
_MAX_DIGITS = 12


class Findings:
    """Counts of findings with their places, grouped into one `Finding` for each code."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = defaultdict(int)
        self._instances: dict[str, list[Instance]] = defaultdict(list)
        self._words: dict[str, list[str]] = defaultdict(list)
        self._file_words: dict[str, dict[tuple[int, str], str]] = defaultdict(dict)
        self._files: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self._refused: dict[tuple[int, str], list[str]] = {}

    def add(
        self,
        code: str,
        *,
        count: int = 1,
        where: str = "",
        file: tuple[int, str] | None = None,
        is_object: bool = True,
    ) -> None:
        """Count a finding that belongs to no instance.

        Parameters
        ----------
        where
            In words without attribute values and names of files.
        file
            Number of the source and path.
        is_object
            Whether the file should be an object: only these does a PACS refuse.
        """
        self._counts[code] += count
        if file is not None and is_object and TYPES[code].refused:
            self._refused.setdefault(file, []).append(code)
        if file is not None:
            self._files[code].append(file)
            self._file_words[code][file] = where
        elif where and len(self._words[code]) <= _MAX_PLACES:
            self._words[code].append(where)

    def add_instance(self, code: str, instance: Instance) -> None:
        """Count a finding of an instance."""
        self._counts[code] += 1
        self._instances[code].append(instance)

    def take_back(self, codes: Iterable[str], instance: Instance) -> None:
        """Forget findings of an instance: another copy of it is whole."""
        for code in codes:
            known = self._instances.get(code, [])
            self._counts[code] -= sum(other is instance for other in known)
            self._instances[code] = [other for other in known if other is not instance]

    def take_back_file(self, file: tuple[int, str]) -> None:
        """Forget findings of a file: another medium has it whole."""
        self._refused.pop(file, None)
        for code, files in self._files.items():
            if file in files:
                files.remove(file)
                self._counts[code] -= 1
                self._file_words[code].pop(file, None)

    def has(self, code: str) -> bool:
        """Whether something of this type was found."""
        return self._counts[code] > 0

    def refused(self) -> tuple[Refused, ...]:
        """Return the objects that a PACS will not store."""
        found = {file: list(codes) for file, codes in self._refused.items()}
        for code, instances in self._instances.items():
            if TYPES[code].refused:
                for instance in instances:
                    found.setdefault((instance.source, instance.path), []).append(code)
        return tuple(Refused(*file, tuple(sorted(codes))) for file, codes in found.items())

    def hurt(self) -> tuple[tuple[int, str], ...]:
        """Return source and path of the instances of which something is lost."""
        found = {
            (instance.source, instance.path): None
            for code, instances in self._instances.items()
            if TYPES[code].severity == Severity.LOSS
            for instance in instances
        }
        return tuple(found)

    def result(self, studies: Mapping[str, int]) -> tuple[Finding, ...]:
        """Return one finding for each code: BLOCK first, then LOSS, RISK, NOTE.

        Parameters
        ----------
        studies
            Their numbers by Study Instance UID.
        """
        order = ["BLOCK", "LOSS", "RISK", "NOTE"]
        found = [
            TYPES[code].found(
                count, self._where(code, studies), tuple(self._files[code][:_MAX_PLACES])
            )
            for code, count in self._counts.items()
            if count > 0
        ]
        return tuple(sorted(found, key=lambda item: (order.index(item.severity), item.code)))

    def _where(self, code: str, studies: Mapping[str, int]) -> str:
        words = [*self._words[code], *filter(None, self._file_words[code].values())]
        places = words + places_of(self._instances[code], studies)
        if len(places) > _MAX_PLACES:
            rest = len(places) - _MAX_PLACES
            places = [*places[:_MAX_PLACES], f"and {rest} more"]
        return "; ".join(places)


def places_of(instances: Iterable[Instance], studies: Mapping[str, int]) -> list[str]:
    """Return `study 2 series 4: instances 41-44` for each series among `instances`.

    Parameters
    ----------
    studies
        Numbers by Study Instance UID; they are named where there are several.
    """
    series: dict[tuple[str, str, str], list[Instance]] = {}
    for instance in instances:
        uids = (instance.text("StudyInstanceUID"), instance.text("SeriesInstanceUID"))
        series.setdefault((*uids, instance.text("SeriesNumber")), []).append(instance)
    return [
        study_words(study, studies) + _place(number, members)
        for (study, _, number), members in series.items()
    ]


def study_words(uid: str, studies: Mapping[str, int]) -> str:
    """Return `study 2 `, or "" where there is only one."""
    return f"study {studies[uid]} " if len(studies) > 1 and uid in studies else ""


def _place(series_number: str, members: list[Instance]) -> str:
    numbers = [m.integer("InstanceNumber", -1) for m in members]
    name = (
        "series without number" if number_of(series_number) is None else f"series {series_number}"
    )
    known = sorted({number for number in numbers if number >= 0})
    if not known:
        return f"{name}: {some(len(members), 'instance')} without number"
    return f"{name}: {noun(len(known), 'instance')} {ranges(known)}"


def number_of(text: str) -> int | None:
    """Return the number of a series or an instance, None for any other text.

    Nothing else may slip into a finding; and `int` refuses what a header may hold.
    """
    digits = text[1:] if text[:1] in ("+", "-") else text
    is_number = len(text) <= _MAX_DIGITS and digits.isascii() and digits.isdecimal()
    return int(text) if is_number else None


def ranges(numbers: Iterable[int]) -> str:
    """Return sorted numbers as `1-3, 7, 9-12`."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    words = [str(first) if first == last else f"{first}-{last}" for first, last in parts]
    if len(words) > _MAX_PLACES:
        words = [*words[:_MAX_PLACES], "…"]
    return ", ".join(words)
