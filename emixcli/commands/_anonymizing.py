"""What `emix anonymize` reads and writes: its options, and the request that is made of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from emixcli.commands._options import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from emixcli.commands._deid_key import Keys
    from emixcli.services.anonymize import AnonymizeRequest
    from emixcli.services.deidentify import Deidentification

Paths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATH…", help="Folders, ZIP files, disc images or files."),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="DIR", help="A new folder, or an empty one."),
]
ProfileName = Annotated[
    str, typer.Option("--profile", metavar="NAME", help="The profile; there is one: basic.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option(
        "--report", metavar="FILE", help="Write what was done, never a value: .json or .html."
    ),
]
Verify = Annotated[
    bool,
    typer.Option(
        "--verify/--no-verify", help="Search the new files for every identifying value of the old."
    ),
]
Dicomdir = Annotated[bool, typer.Option("--dicomdir", help="Write a DICOMDIR too.")]
Jobs = Annotated[
    int | None,
    number("--jobs", low=1, high=64, help="Processes; the amount of files decides."),
]


class Files(NamedTuple):
    """What is read and written."""

    paths: list[str]
    output: Path | None
    report: Path | None
    keys: Keys
    patients: Sequence[str] | None
    studies: Sequence[str] | None

    def check(self, *, dry_run: bool) -> None:
        """Raise `UsageError` where it cannot be meant."""
        from emixcli.errors import UsageError
        from emixcli.services.deid_told import check_name

        if not self.paths:
            raise UsageError("nothing to read", hint="emix anonymize PATH… -o DIR")
        if self.output is None and not dry_run:
            raise UsageError("no folder to write to", hint="give -o DIR, or --dry-run")
        check_name(self.report)
        self.keys.check(self.paths, dry_run=dry_run)

    def unwritten(self) -> Files:
        """Return the same for a dry run, and say what that does not write."""
        from emixcli.commands._deid_key import note_unwritten
        from emixcli.services.folder import is_empty
        from emixcli.ui import console

        note_unwritten({
            "-o": self.output, "--report": self.report, "--table": self.keys.table,
            "--new-key": self.keys.new_key,
        })  # fmt: skip
        folder = self.output
        if folder is not None and folder.exists() and not is_empty(folder):
            console.warn(f"{folder.name} exists and is not empty: without --dry-run this fails")
        return self._replace(output=None)

    def request(
        self,
        how: Deidentification,
        verify: bool,  # noqa: FBT001 - as the options come
        dicomdir: bool,  # noqa: FBT001 - as the options come
        jobs: int | None,
    ) -> AnonymizeRequest:
        """Return what the service is asked for."""
        from emixcli.services.anonymize import AnonymizeRequest

        return AnonymizeRequest(
            paths=self.paths,
            output=self.output,
            how=how,
            verify=verify,
            report=self.report,
            table=self.keys.table,
            table_passphrase=self.keys.passphrase,
            dicomdir=dicomdir,
            jobs=jobs,
            patients=self.patients or (),
            studies=self.studies or (),
        )
