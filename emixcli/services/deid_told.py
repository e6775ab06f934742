"""What a de-identification tells of itself: in the index of a package, and in its report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emixcli.deid.report import Output, Report

if TYPE_CHECKING:
    from emixcli.anonymize import Profile
    from emixcli.services.deidentify import Deidentified


def record(profile: Profile, found: Deidentified) -> dict[str, Any]:
    """Return what the index of a package says of it: never an old value."""
    return {
        "profile": "basic",
        "options": sorted(profile.options),
        "accepted": dict(sorted(found.accepted.items())),
        "counts": {
            "instances": sum(1 for _ in found.file_set.iter_instances()),
            "refused": len(found.refused),
        },
    }


def tell_package(report: Report, found: Deidentified) -> None:
    """Record the objects of a package; what its manifest says of their bytes is not said again."""
    from emixcli.container.layout import iter_instances

    report.actions.update(found.actions)
    report.accepted.update(found.accepted)
    report.outputs += [
        Output(
            name, instance.size, "", instance.text("SOPClassUID"), instance.text("SOPInstanceUID")
        )
        for instance, name in iter_instances(found.file_set)
    ]


def write_report(report: Report, path: Path) -> None:
    """Write the report, as a page where the name ends with .html, else as JSON."""
    from emixcli.container.sink import FileSink
    from emixcli.deid.report_page import render

    document = report.as_dict()
    text = render(document) if path.suffix == ".html" else json.dumps(document, indent=1) + "\n"
    with FileSink(path) as sink:
        sink.write(text.encode())


def check_name(path: Path | None) -> None:
    """Refuse a name that does not say what the report is.

    Raises
    ------
    UsageError
        It ends with neither .json nor .html.
    """
    from emixcli.errors import UsageError

    if path is not None and path.suffix not in {".json", ".html"}:
        raise UsageError("a report is NAME.json or NAME.html", hint="the ending decides what it is")
