"""`emix diagnose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._media import Paths
from emixcli.commands._options import Json, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.services.diagnose import Diagnosis
    from emixcli.services.strips import Strip


def command(
    paths: Paths,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Read every byte and decode every frame.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Show notes as well.")] = False,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page to send to who burned the disc."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Tell exactly what of a medium is lost: which images of which series, and what to ask for.

    Nothing is written to the medium and nothing on it is run. Ends with 3 where something could
    not be read whole, with 23 where objects that its DICOMDIR names, or slices between others, are
    missing, with 21 where there is no DICOM that can be used, with 20 where the medium itself
    cannot be read.
    """
    del verbose  # handled by its callback
    from emixcli.commands.scan import require_whole
    from emixcli.media.scan import require_dicom
    from emixcli.services import diagnose as service
    from emixcli.services.targets import check_new
    from emixcli.ui import output
    from emixcli.ui.progress import progress

    check_new(html, paths)
    with progress(quiet) as listener:
        diagnosis = service.diagnose(paths, full=full, progress=listener)
    if html is not None:
        _write_page(diagnosis, html, strict=strict)
    if json:
        output.write_json(_document(diagnosis, html))
    else:
        _show(diagnosis, html, strict=strict)
    require_dicom(diagnosis.file_set)
    require_whole(diagnosis.file_set)
    service.require_whole(diagnosis)


def _write_page(diagnosis: Diagnosis, html: Path, *, strict: bool) -> None:
    from datetime import datetime

    from emixcli import __version__
    from emixcli.container.sink import FileSink
    from emixcli.services.diagnosis_page import render
    from emixcli.services.thumbnails import make_thumbnails

    pictures = make_thumbnails(diagnosis.file_set, diagnosis.strips)
    now = datetime.now().astimezone()
    page = render(diagnosis, thumbnails=pictures, version=__version__, checked=now, strict=strict)
    with FileSink(html) as sink:
        sink.write(page.encode(errors="replace"))


def _show(diagnosis: Diagnosis, html: Path | None, *, strict: bool) -> None:
    from emixcli.commands.scan import show
    from emixcli.ui import output

    show(diagnosis.file_set, strict=strict)
    for medium in diagnosis.media:
        if medium.bad:
            n = sum(stop - start for start, stop in medium.bad)
            output.write_line(f"unreadable  {n} bytes in {len(medium.bad)} places of {medium.path}")
    if (frames := diagnosis.frames) is not None:
        unchecked = f"; {frames.unchecked} images could not be decoded here"
        rest = unchecked if frames.unchecked else ""
        output.write_line(f"decoded     {frames.decoded} frames{rest}")
    if diagnosis.requests:
        output.write_line()
        output.write_line("ask the sender for:")
        for line in diagnosis.requests:
            output.write_line(f"  {line}")
    elif diagnosis.full and diagnosis.is_whole:
        output.write_line("every byte could be read")
    if html is not None:
        output.write_line(f"page: {html}")


def _document(diagnosis: Diagnosis, html: Path | None) -> dict[str, Any]:
    from emixcli.media.report import scan_document
    from emixcli.services.diagnose import loss_document

    return {
        **scan_document(diagnosis.file_set),
        "schema": "emix.diagnose/1",
        "full": diagnosis.full,
        "frames": _frames(diagnosis),
        "media": [
            {
                "path": medium.path, "kind": medium.kind, "label": medium.label,
                "size": medium.size,
                "bad": [list(place) for place in medium.bad],
            }
            for medium in diagnosis.media
        ],
        "series_state": [_strip(strip) for strip in diagnosis.strips],
        "losses": [
            loss_document(loss) for loss in diagnosis.losses
        ],
        "ask_for": diagnosis.requests,
        "page": None if html is None else str(html),
    }  # fmt: skip


def _frames(diagnosis: Diagnosis) -> dict[str, int] | None:
    frames = diagnosis.frames
    if frames is None:
        return None
    return {
        "decoded": frames.decoded,
        "images_damaged": len(frames.damaged),
        "images_not_decoded": frames.unchecked,
    }


def _strip(strip: Strip) -> dict[str, Any]:
    return {
        "series_instance_uid": strip.uid,
        "series_number": strip.number,
        **{state: strip.count(state) for state in ("whole", "damaged", "missing", "gap")},
    }
