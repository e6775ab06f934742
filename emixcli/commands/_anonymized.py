"""The result of `emix anonymize`, for people and scripts."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.services.anonymize import AnonymizeRequest, AnonymizeResult
    from emixcli.services.deidentify import Refused

#: So many objects are named for each reason; a scan of a head is refused slice by slice.
_MAX_NAMED = 10


def show(result: AnonymizeResult, request: AnonymizeRequest, *, json: bool) -> None:
    """Show what was done; a script gets every refused object, a person the first of each reason."""
    from emixcli.ui import output

    if json:
        output.write_json(_document(result, request))
        return
    if request.output is not None and result.n_written:
        output.write_line(str(request.output))
    _note_counts(result, request)
    _show_refused(result.refused, has_report=request.writes_report)
    _note_beside(result, request)


def _document(result: AnonymizeResult, request: AnonymizeRequest) -> dict[str, Any]:
    n_written, n_refused = result.n_written, len(result.refused)
    return {
        "schema": "emix.anonymize/1",
        "dry_run": request.output is None,
        "folder": str(request.output) if request.output and result.n_written else None,
        "counts": {
            "read": n_written + n_refused,
            "written": n_written,
            "refused": n_refused,
        },
        "refused": [
            {"file": item.file, "id": item.id, "object": f"object {number}"}
            for number, item in enumerate(result.refused, 1)
        ],
        "missing": result.n_missing,
        "profile": "basic",
        "options": sorted(request.how.profile.options),
        "verified": result.verified,
        "table": None if not result.has_table else str(request.table),
        "reports_left_out": result.n_reports,
    }


def _note_counts(result: AnonymizeResult, request: AnonymizeRequest) -> None:
    from emixcli.commands._deid import note_second_look
    from emixcli.ui import console
    from emixcli.words import some

    done = "would be written" if request.output is None else "written"
    console.note(f"{some(result.n_written, 'object')} {done}, {len(result.refused)} refused")
    if result.n_patients > 1:
        console.note(
            f"they are of {result.n_patients} patients; --patient N or --study N takes some only,"
            " numbers as shown by emix scan"
        )
    if result.verified and result.n_written:
        note_second_look(result.report, where="them")


def _show_refused(refused: Sequence[Refused], *, has_report: bool) -> None:
    from emixcli.services.refusals import grouped
    from emixcli.ui import console, output
    from emixcli.words import some

    seen: Counter[str] = Counter()
    for number, item in enumerate(refused, 1):
        seen[item.id] += 1
        if seen[item.id] <= _MAX_NAMED:
            place = f" (object {number} of the report)" if has_report else ""
            output.write_line(f"refused {item.id}: {item.file}{place}")
    for reason, n in seen.items():
        if n > _MAX_NAMED:
            output.write_line(
                f"refused {reason}: {some(n - _MAX_NAMED, 'object')} more, see --json"
            )
    for group in grouped(refused):
        console.note(f"{group.id} ({group.n}): {group.words}")


def _note_beside(result: AnonymizeResult, request: AnonymizeRequest) -> None:
    from emixcli.ui import console

    if result.has_table:
        console.note(f"the table that leads back is {request.table}: keep it apart from the images")
    if result.n_reports:
        console.note(f"reports beside the images, left out: {result.n_reports}")


def require_all(result: AnonymizeResult) -> None:
    """Raise where something was left out, or is missing on the media.

    Raises
    ------
    DeidUnsafeError
        Objects that cannot be made safe.
    PartialError
        Nothing but files that could not be read, that are not on the media, or that nothing names.
    """
    from emixcli.commands._media import lost_text
    from emixcli.errors import DeidUnsafeError, PartialError
    from emixcli.services.deidentify import UNREADABLE
    from emixcli.services.refusals import remedies
    from emixcli.words import some

    n_unread = sum(item.id == UNREADABLE for item in result.refused)
    n_unsafe = len(result.refused) - n_unread
    lost = lost_text(
        n_bad=n_unread, n_missing=result.n_missing, has_lost_names=result.has_lost_names
    )
    if n_unsafe:
        unsafe = f"left out: {some(n_unsafe, 'object')} that cannot be de-identified safely"
        raise DeidUnsafeError(
            f"{unsafe}; {lost}" if lost else unsafe, hint=remedies(result.refused)
        )
    if lost:
        raise PartialError(
            lost, hint="emix scan tells what is known; ask the sender for a new copy of the medium"
        )
