"""`emix verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from emixcli.commands._options import CodeFile, Json, NoInput, Quiet, Verbose

if TYPE_CHECKING:
    from emixcli.container.verify import Verified
    from emixcli.package import PackageReader


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A package.")],
    *,
    code_file: CodeFile = None,
    no_input: NoInput = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Check every byte of a package: page, entries, frames, signature, DICOMDIR.

    Ends with 83 where anything is not as it was written, and names the entry.
    """
    del verbose  # handled by its callback
    from emixcli.commands._opening import open_file
    from emixcli.container.verify import verify
    from emixcli.ui import output
    from emixcli.ui.progress import progress

    with open_file(file, code_file=code_file, no_input=no_input) as package:
        with progress(quiet) as listener:
            verified = verify(package, listener)
        if json:
            output.write_json(_document(package, verified))
        else:
            _show(package, verified)


def _document(package: PackageReader, verified: Verified) -> dict[str, Any]:
    from emixcli.container.identity import fingerprint_of

    return {
        "schema": "emix.verify/1",
        "package_id": package.manifest.package_id,
        "size": package.size,
        "verified": True,
        "entries": verified.n_entries,
        "frames": verified.n_frames,
        "signature": "valid",
        "signer": fingerprint_of(verified.signing_key),
        "counts": package.manifest.counts,
        "losses": package.manifest.losses,
        "documents_lost": package.manifest.documents_lost,
    }


def _show(package: PackageReader, verified: Verified) -> None:
    from emixcli.container.identity import fingerprint_of
    from emixcli.ui import console, output
    from emixcli.words import some

    output.write_line(
        f"verified: {verified.n_entries} entries, {verified.n_frames} frames, page, signature"
    )
    output.write_line(f"signed by key {fingerprint_of(verified.signing_key)}")
    n_lost = package.manifest.counts.get("lost", 0)
    if n_lost:
        console.warn(f"{some(n_lost, 'object')} could not be read when the package was made")
