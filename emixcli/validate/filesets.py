"""Checks over everything that was found: patients, studies, gaps in series."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from emixcli.validate.gaps import find_gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.model import Patient, Series
    from emixcli.validate.places import Findings


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


def check_series(series: Series, findings: Findings, *, study: str = "", n_named: int = 0) -> None:
    """Report gaps between slices (C05), naming the instances beside each gap.

    Parameters
    ----------
    study
        From `places.study_words`.
    n_named
        How many objects of the series are known to be lost: gaps of no more are told by these.
    """
    gaps = find_gaps(series)
    if sum(n_missing for _, _, n_missing in gaps) <= n_named:
        return
    for before, after, n_missing in gaps:
        numbers = [series.instances[at].integer("InstanceNumber") for at in (before, after)]
        findings.add(
            "C05",
            count=n_missing,
            where=f"{study}series {series.instances[0].integer('SeriesNumber')}: "
            f"about {n_missing} between instances {numbers[0]} and {numbers[1]}",
        )
