"""Instances to patients, studies and series, in the order in which they are looked at."""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from typing import TYPE_CHECKING

from emixcli.media.elements import SLOTS
from emixcli.model import Instance, Patient, Series, Study, Value
from emixcli.validate.geometry import slice_positions

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_STUDY = SLOTS["StudyInstanceUID"]
_SERIES = SLOTS["SeriesInstanceUID"]
_NUMBER = SLOTS["InstanceNumber"]
_IDENTITY = tuple(
    SLOTS[keyword]
    for keyword in ("PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate")
)
Identity = tuple[str, str, str, str]


def group(instances: Iterable[Instance]) -> tuple[Patient, ...]:
    """Return the patients of `instances`, each with studies and series in viewing order."""
    by_identity: dict[tuple[Value, ...], list[Instance]] = {}
    for instance in instances:
        values = instance.values
        raw = tuple(values[slot] for slot in _IDENTITY)
        by_identity.setdefault(raw, []).append(instance)
    by_patient: dict[Identity, list[Instance]] = {}
    for raw, members in by_identity.items():
        by_patient.setdefault(_identity(raw), []).extend(members)
    patients = _merge(by_patient)
    return tuple(
        Patient(_key(identity), _studies(members)) for identity, members in patients.items()
    )


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


def _merge(found: dict[Identity, list[Instance]]) -> dict[Identity, list[Instance]]:
    """Join those that differ only because an issuer or birth date is left out.

    Secondary captures and reports often lack them. Where two patients could be meant, nothing is
    joined.
    """
    result = dict(found)
    for identity in list(found):
        patient_id, issuer, name, birth = identity
        if issuer and birth:
            continue
        others = [
            other
            for other in result
            if other != identity
            and (other[0], other[2]) == (patient_id, name)
            and (not issuer or issuer == other[1])
            and (not birth or birth == other[3])
        ]
        if len(others) == 1:
            result[others[0]].extend(result.pop(identity))
    return result


def _key(identity: Identity) -> str:
    return hashlib.blake2b(
        "\x1f".join(identity).encode("utf-8", "replace"), digest_size=8
    ).hexdigest()


def _studies(instances: list[Instance]) -> tuple[Study, ...]:
    by_uid: dict[str, dict[str, list[Instance]]] = {}
    for instance in instances:
        study, series = instance.values[_STUDY], instance.values[_SERIES]
        by_uid.setdefault(str(study or ""), {}).setdefault(str(series or ""), []).append(instance)
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
    by_number = sorted(instances, key=_number_key)
    positions = slice_positions(by_number)
    if positions is None or len(set(positions)) < len(positions):
        return by_number
    order = sorted(range(len(positions)), key=positions.__getitem__)
    falls = sum(1 for a, b in itertools.pairwise(positions) if b < a)
    if falls * 2 > len(positions) - 1:
        order.reverse()
    return [by_number[index] for index in order]


def _number_key(instance: Instance) -> tuple[int, int, int, str]:
    try:
        number = int(str(instance.values[_NUMBER]))
    except ValueError:
        return (1, 0, instance.source, instance.path)
    return (0, number, instance.source, instance.path)
