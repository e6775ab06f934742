"""Instances to patients, studies and series, in the order in which they are looked at."""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from typing import TYPE_CHECKING

from emixcli.media.elements import SLOTS
from emixcli.model import Instance, Patient, Series, Study, Value, values_of
from emixcli.validate.geometry import slice_positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from emixcli.packed import SharedValues

_STUDY = SLOTS["StudyInstanceUID"]
_SERIES = SLOTS["SeriesInstanceUID"]
_NUMBER = SLOTS["InstanceNumber"]
_IDENTITY = tuple(
    SLOTS[keyword]
    for keyword in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
)
#: What decides on the series that an instance belongs to.
_DECIDING = (*_IDENTITY, _STUDY, _SERIES)
#: More patients with one id and name are hostile, and looking for pairs among them would hang.
_MAX_ALIKE = 100
Identity = tuple[str, str, str, str]
_Mark = tuple[str, ...]
#: Study UID, series UID, and some of the instances there.
_Group = tuple[str, str, list[Instance]]


def group(instances: Iterable[Instance]) -> tuple[Patient, ...]:
    """Return the patients of `instances`, each with studies and series in viewing order."""
    by_raw: dict[tuple[Value, ...], list[Instance]] = {}
    by_shared: dict[SharedValues, list[Instance]] = {}
    for instance in instances:
        shared = instance.shared
        members = by_shared.get(shared)
        if members is None:
            raw = tuple([instance.value(slot) for slot in _DECIDING])
            members = by_raw.setdefault(raw, [])
            if not any(slot in shared.slots for slot in _DECIDING):
                by_shared[shared] = members
        members.append(instance)
    by_patient: dict[Identity, list[_Group]] = {}
    for raw, members in by_raw.items():
        study, series = (str(value or "") for value in raw[-2:])
        by_patient.setdefault(_identity(raw[:-2]), []).append((study, series, members))
    patients = _merge(by_patient)
    return tuple(Patient(_key(identity), _studies(found)) for identity, found in patients.items())


def _identity(raw: Sequence[Value]) -> Identity:
    """Return id, issuer, name and birth date without the differences that mean nothing."""
    patient_id, issuer, name, birth = ("" if value is None else str(value) for value in raw)
    return (_fold(patient_id), _fold(issuer), _fold(name.partition("=")[0]), birth.strip())


def _fold(text: str) -> str:
    """Case, width, separators and blanks do not tell people apart."""
    text = unicodedata.normalize("NFKC", text).casefold()
    for mark in "^,_":
        text = text.replace(mark, " ")
    return " ".join(text.split())


def _merge(found: dict[Identity, list[_Group]]) -> dict[Identity, list[_Group]]:
    """Join those that differ only because an issuer or birth date is left out.

    Secondary captures and reports often lack them. Where two patients could be meant, nothing is
    joined.
    """
    result = dict(found)
    alike: dict[tuple[str, str], list[Identity]] = {}
    for identity in found:
        alike.setdefault((identity[0], identity[2]), []).append(identity)
    for identity in found:
        patient_id, issuer, name, birth = identity
        if (issuer and birth) or len(alike[patient_id, name]) > _MAX_ALIKE:
            continue
        others = [
            other
            for other in alike[patient_id, name]
            if other != identity
            and other in result
            and (not issuer or issuer == other[1])
            and (not birth or birth == other[3])
        ]
        if len(others) == 1:
            result[others[0]].extend(result.pop(identity))
    return result


def together(patients: Iterable[Patient]) -> list[tuple[Patient, ...]]:
    """Return patients with those side by side who may be one person.

    They share a number, a study, or a name with the birth date: a married name, an object without
    a name, a second number. For who looks for what tells of a person; `group` joins less.
    """
    above: dict[_Mark, _Mark] = {}

    def top(mark: _Mark) -> _Mark:
        while (found := above.setdefault(mark, mark)) != mark:
            above[mark] = mark = above[found]
        return mark

    patients = tuple(patients)
    for patient in patients:
        first, *others = _marks(patient)
        for mark in others:
            above[top(mark)] = top(first)
    persons: dict[_Mark, list[Patient]] = {}
    for patient in patients:
        persons.setdefault(top(next(_marks(patient))), []).append(patient)
    return [tuple(members) for members in persons.values()]


def _marks(patient: Patient) -> Iterator[_Mark]:
    """Yield what those who may be one person have in common."""
    yield ("", patient.key)
    identity = _identity(
        [patient.studies[0].series[0].instances[0].value(slot) for slot in _IDENTITY]
    )
    patient_id, _, name, birth = identity
    if patient_id:
        yield ("id", patient_id)
    if name and birth:
        yield ("name", name, birth)
    for study in patient.studies:
        if study.uid:
            yield ("study", study.uid)


def _key(identity: Identity) -> str:
    return hashlib.blake2b(
        "\x1f".join(identity).encode("utf-8", "replace"), digest_size=8
    ).hexdigest()


def _studies(found: list[_Group]) -> tuple[Study, ...]:
    by_uid: dict[str, dict[str, list[Instance]]] = {}
    for study, series, members in found:
        by_uid.setdefault(study, {}).setdefault(series, []).extend(members)
    studies = [Study(uid, _series(members)) for uid, members in by_uid.items()]
    studies.sort(key=lambda study: (study.text("StudyDate"), study.text("StudyTime"), study.uid))
    return tuple(studies)


def _series(by_uid: dict[str, list[Instance]]) -> tuple[Series, ...]:
    series = [Series(uid, tuple(in_viewing_order(members))) for uid, members in by_uid.items()]
    series.sort(
        key=lambda item: (
            item.instances[0].integer("SeriesNumber", 2**31),
            item.text("SeriesDate"),
            item.text("SeriesTime"),
            item.uid,
        )
    )
    return tuple(series)


def in_viewing_order(instances: list[Instance]) -> list[Instance]:
    """Return instances as a reader wants to scroll through them.

    By slice position along the normal (PS3.3 section C.7.6.2.1.1) where all have one and no two
    share it, running in the direction of the instance numbers; else by acquisition and instance
    number; else by path.
    """
    if len(instances) < 2:
        return instances
    by_number = _by_number(instances)
    positions = slice_positions(by_number)
    if positions is None or len(set(positions)) < len(positions):
        return by_number
    order = sorted(range(len(positions)), key=positions.__getitem__)
    falls = sum(1 for a, b in itertools.pairwise(positions) if b < a)
    if falls * 2 > len(positions) - 1:
        order.reverse()
    return [by_number[index] for index in order]


def _by_number(instances: list[Instance]) -> list[Instance]:
    """Return instances by number and path, those without number last."""
    try:
        numbers = [int(str(value)) for value in values_of(instances, _NUMBER)]
    except ValueError:
        return sorted(instances, key=_number_key)
    if len(set(numbers)) < len(numbers):
        return sorted(instances, key=_number_key)
    return [instances[index] for index in sorted(range(len(numbers)), key=numbers.__getitem__)]


def _number_key(instance: Instance) -> tuple[int, int, int, str]:
    try:
        number = int(str(instance.value(_NUMBER)))
    except ValueError:
        return (1, 0, instance.source, instance.path)
    return (0, number, instance.source, instance.path)
