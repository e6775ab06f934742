"""`emix salvage`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._media import Paths
from emixcli.commands._options import (
    ArchivePasswordFile,
    Json,
    NoInput,
    Quiet,
    Verbose,
    number,
)  # fmt: skip

if TYPE_CHECKING:
    from emixcli.services.salvage import Salvaged

_SENDER = "or ask the sender for a new copy"
_DISC = (
    "copy the disc again (emix salvage DRIVE -o DIR --image FILE goes on in another drive), "
    + _SENDER
)
#: Where all that is there was read.
_READ = "ask the sender for what is listed, or whether there is a second disc: then give both"
#: What may bring back more, by the kind of the medium.
_AGAIN = {
    "image": "try another drive, with the same --image (only what is missing is read again) and"
    f" another folder; {_SENDER}",
    "device": _DISC,
    "iso": _DISC,
    "zip": f"download or copy the archive again, {_SENDER}",
    "folder": f"copy the folder again from where it comes from, {_SENDER}",
    "file": f"copy the file again from where it comes from, {_SENDER}",
}


def command(
    paths: Paths,
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder for what is saved.")
    ],
    image: Annotated[
        Path | None,
        typer.Option(
            "--image",
            metavar="FILE",
            help="First copy the disc into FILE, or go on with that copy; FILE.map is its mapfile.",
        ),
    ] = None,
    retries: Annotated[
        int, number("--retries", low=0, help="How often each bad sector is tried again.")
    ] = 1,
    password_file: ArchivePasswordFile = None,
    json: Json = False,
    no_input: NoInput = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Copy everything that can be read of a medium, and repair what needs no invention.

    The medium is never written. Whole files come out bit for bit; what was lost of others is zeros,
    and listed in LOSSES.json and LOSSES.html. With --image the disc is read once, in the order of
    its sectors; the same command goes on where it was stopped, and so does GNU ddrescue. Ends with
    3 where something is lost.
    """
    del verbose  # handled by its callback
    from emixcli.commands._opening import archive_password
    from emixcli.errors import UsageError
    from emixcli.services import salvage as service
    from emixcli.services.folder import check_new_folder
    from emixcli.services.targets import check_outside
    from emixcli.ui import output as out
    from emixcli.ui.progress import progress

    check_outside(output, paths)
    if image is not None and len(paths) != 1:
        raise UsageError("--image copies one medium", hint="give one path")
    again = "the copy in the image stays, and is gone on with: give another folder with -o"
    check_new_folder(output, hint="choose another folder" if image is None else again)
    password = archive_password(password_file, no_input=no_input)
    with progress(quiet) as listener:
        if image is not None:
            service.copy_medium(paths[0], image, retries=retries, progress=listener)
            paths = [str(image)]
        saved = service.salvage(paths, output, password=password, progress=listener)
    if json:
        out.write_json(service.document(saved))
    else:
        _show(saved)
    _require_whole(saved, copied=image is not None)


def _show(saved: Salvaged) -> None:
    from emixcli.ui import output as out
    from emixcli.words import some

    out.write_line(f"{some(saved.n_whole, 'file')} read whole, in {saved.folder}")
    counts = (
        (len(saved.spoilt), "file", " of these came damaged: LOSSES.html has them, under Findings"),
        (len(saved.repairs), "object", " repaired, as copies in repaired/"),
        (saved.n_damaged, "damaged file", f" in damaged/: {saved.bytes_lost} bytes lost"),
        (len(saved.not_copied), "file", " of which nothing could be read"),
        (len(saved.renamed), "file", " under another name: LOSSES.json has both, as renamed"),
        (len(saved.carved), "object", " that no directory names, in carved/"),
        (len(saved.diagnosis.file_set.missing), "object",
         " named by a DICOMDIR, and not whole on the medium"),
    )  # fmt: skip
    for n, word, what in counts:
        if n:
            out.write_line(some(n, word) + what)
    if saved.diagnosis.requests:
        out.write_line()
        out.write_line("ask the sender for:")
        for line in saved.diagnosis.requests:
            out.write_line(f"  {line}")
    if saved.is_whole and not saved.diagnosis.requests:
        out.write_line("nothing is lost, as far as anything on the medium tells")
    else:
        out.write_line("what is lost is listed in LOSSES.html, for people, and LOSSES.json")


def _require_whole(saved: Salvaged, *, copied: bool) -> None:
    """Raise where something was lost, or where there was nothing to save.

    Parameters
    ----------
    copied
        Whether a drive or image was copied into an image first: the same command can read more.

    Raises
    ------
    PartialError
        Bytes, files, objects that a DICOMDIR names, or the directory that would have named more.
    NoDicomError
        All was saved, and none of it is DICOM.
    IncompleteMediaError
        All was saved, and slices between others seem to be missing.
    """
    from emixcli.errors import PartialError
    from emixcli.media.scan import require_dicom
    from emixcli.services.diagnose import require_whole
    from emixcli.services.salvage import lost_words

    if saved.is_whole:
        require_dicom(saved.diagnosis.file_set)
        require_whole(saved.diagnosis)
        return
    kind = "image" if copied else saved.diagnosis.media[0].kind
    is_hurt = saved.n_damaged or saved.not_copied or saved.spoilt
    is_read = not (is_hurt or saved.diagnosis.file_set.has_lost_names)
    hint = _READ if is_read else _AGAIN[kind]
    raise PartialError(f"not everything could be saved; lost: {lost_words(saved)}", hint=hint)
