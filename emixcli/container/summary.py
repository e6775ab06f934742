"""A short form of an index, for people and scripts."""

from __future__ import annotations

from typing import Any

from emixcli.container.zipreader import damaged


def summarise(index: dict[str, Any]) -> dict[str, Any]:
    """Return sender, time, the tree down to series with counts, and documents.

    Raises
    ------
    PackageDamagedError
        The index is not built as the format says.
    """
    try:
        sender = index["sender"]
        return {
            "created": str(index["created"]),
            "generator": str(index.get("generator", "")),
            "sender": {
                name: str(sender.get(name, "")) for name in ("name", "organisation", "fingerprint")
            },
            "patients": [_patient(patient) for patient in index["patients"]],
            "documents": [
                {name: document.get(name, "") for name in ("entry", "kind", "title", "size")}
                for document in index["documents"]
            ],
            "findings": list(index.get("findings", [])),
        }
    except (KeyError, TypeError, AttributeError) as exc:
        raise damaged("the index is damaged") from exc


def _patient(patient: dict[str, Any]) -> dict[str, Any]:
    names = ("name", "id", "birth_date", "sex")
    return {
        **{name: str(patient.get(name, "")) for name in names},
        "studies": [_study(study) for study in patient["studies"]],
    }


def _study(study: dict[str, Any]) -> dict[str, Any]:
    names = ("uid", "date", "description", "accession")
    return {
        **{name: str(study.get(name, "")) for name in names},
        "series": [
            {
                "uid": str(series.get("uid", "")),
                "modality": str(series.get("modality", "")),
                "number": series.get("number"),
                "description": str(series.get("description", "")),
                "instances": len(series["instances"]),
            }
            for series in study["series"]
        ],
    }
