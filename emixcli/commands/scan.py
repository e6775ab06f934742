"""`emix scan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._options import (
    ArchivePasswordFile,
    Json,
    NoInput,
    Quiet,
    Verbose,
)  # fmt: skip

if TYPE_CHECKING:
    from emixcli.model import FileSet


def command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH…", help="Folders, ZIP files, disc images, drives or single files."
        ),
    ],
    *,
    strict: Annotated[
        bool, typer.Option("--strict", help="Show notes on conformance as well.")
    ] = False,
    password_file: ArchivePasswordFile = None,
    json: Json = False,
    no_input: NoInput = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Show what is on a medium: patients, studies, series, reports, and what is wrong.

    Nothing is written and nothing on the medium is run. Ends with 21 where there is no DICOM, with
    3 where some files could not be read, with 23 where objects that its DICOMDIR names are missing,
    with 20 where the medium itself cannot be read.
    """
    del verbose  # handled by its callback
    from emixcli.commands._opening import archive_password
    from emixcli.media.report import scan_document
    from emixcli.media.scan import require_dicom, scan_media
    from emixcli.services.matching import with_matches
    from emixcli.ui import output
    from emixcli.ui.progress import progress

    password = archive_password(password_file, no_input=no_input)
    with progress(quiet) as listener:
        file_set = with_matches(scan_media(paths, password=password, progress=listener))
    if json:
        output.write_json(scan_document(file_set))
    else:
        show(file_set, strict=strict)
    require_dicom(file_set)
    require_whole(file_set)


def show(file_set: FileSet, *, strict: bool) -> None:
    """Write the tree of a medium and its findings."""
    from emixcli.media.report import finding_rows, forecast_text, summary, tree_lines
    from emixcli.ui import output

    for line in tree_lines(file_set):
        output.write_line(line)
    output.write_hanging("", summary(file_set))
    if forecast := forecast_text(file_set):
        output.write_hanging("", forecast)
    rows = finding_rows(file_set, strict=strict)
    for code, severity, count, why, where, next_step in rows:
        output.write_line()
        output.write_hanging(f"{code}  {severity:<5}  {count} x  ", why)
        if where:
            output.write_hanging("     where: ", where)
        output.write_hanging("     next:  ", next_step)


def _next(file_set: FileSet) -> str:
    """Return what to do about what is lost, by the first cause that fits."""
    codes = {finding.code for finding in file_set.findings}
    if codes & {"M02", "M04", "M16", "M18"}:
        return "copy or download it again; if that is no better, ask the sender for a new copy"
    if "M01" in codes:
        return "clean the disc or try another drive, or ask the sender for a new copy of the disc"
    if "M17" in codes:
        return "get the right to read the files, or let somebody copy them who has it"
    return "ask the sender for a new copy of the disc"


def require_whole(file_set: FileSet) -> None:
    """Raise where something was lost.

    Raises
    ------
    PartialError
        Files could not be read, which the output lists, or directories of a medium are lost.
    IncompleteMediaError
        All could, but objects that a DICOMDIR names are not there.
    """
    from emixcli.errors import IncompleteMediaError, PartialError
    from emixcli.media.report import count_missing

    words = []
    if file_set.unreadable:
        n = len(file_set.unreadable)
        words.append(f"{n} of {file_set.n_files} files could not be read whole")
    if file_set.has_lost_names:
        words.append(
            "directories of the medium are lost, so files may be missing that nothing names"
        )
    if words:
        raise PartialError(
            "; ".join(words), hint=f"what is known is listed above; {_next(file_set)}"
        )
    n_missing = count_missing(file_set)
    if n_missing:
        word = "object is" if n_missing == 1 else "objects are"
        raise IncompleteMediaError(
            f"{n_missing} {word} named by the medium's directory, but not on the medium",
            hint="ask the sender whether there is a second disc, and give both; or for a new copy",
        )
