"""Checks over everything that was found: patients, studies, gaps in series."""

from __future__ import annotations

import statistics
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from emixcli.validate.geometry import slice_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.model import Patient, Series
    from emixcli.validate.places import Findings

_MIN_SLICES: Final = 5
#: A gap is a distance above this many times the usual one, measured on real series.
_GAP: Final = 1.5
_MAX_UNEVEN: Final = 0.1


def check_patients(patients: Sequence[Patient], findings: Findings) -> None:
    """Report several patients (C01) and studies that belong to two of them (C02)."""
    if len(patients) > 1:
        where = f"patients 1-{len(patients)}"
        findings.add("C01", count=len(patients), where=where)
    owners: dict[str, list[int]] = defaultdict(list)
    for number, patient in enumerate(patients, 1):
        for study in patient.studies:
            if study.uid:
                owners[study.uid].append(number)
    for numbers in owners.values():
        if len(numbers) > 1:
            findings.add("C02", where=f"patients {', '.join(map(str, numbers))}")


def check_series(series: Series, findings: Findings, *, study: str = "") -> None:
    """Report gaps between slices (C05), naming the instances beside each gap.

    Parameters
    ----------
    study
        From `places.study_words`.
    """
    for before, after, n_missing in find_gaps(series):
        numbers = [series.instances[at].integer("InstanceNumber") for at in (before, after)]
        findings.add(
            "C05",
            count=n_missing,
            where=f"{study}series {series.instances[0].integer('SeriesNumber')}: "
            f"about {n_missing} between instances {numbers[0]} and {numbers[1]}",
        )


def find_gaps(series: Series) -> list[tuple[int, int, int]]:
    """Return the places in `series.instances` beside each gap, and how many slices fit into it.

    Only where slices are otherwise evenly spaced: instance numbers are no evidence, since many
    devices leave some out.
    """
    if len(series.instances) < _MIN_SLICES:
        return []
    by_position = slice_positions(series.instances)
    if by_position is None or len(set(by_position)) < len(by_position):
        return []
    order = sorted(range(len(by_position)), key=by_position.__getitem__)
    steps = [by_position[b] - by_position[a] for a, b in pairwise(order)]
    usual = statistics.median(steps)
    if usual <= 0:
        return []
    uneven = sum(abs(step / usual - round(step / usual)) > _MAX_UNEVEN for step in steps)
    if uneven > 0:
        return []
    return [
        (a, b, round(step / usual) - 1)
        for (a, b), step in zip(pairwise(order), steps, strict=True)
        if step > _GAP * usual
    ]
