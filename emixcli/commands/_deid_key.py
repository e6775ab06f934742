"""The key of de-identification and the way back: options of all commands that de-identify."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from emixcli.services.reidentification import Link

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="Key that keeps pseudonyms the same from run to run; without it a fresh one,"
        " forgotten at the end.",
    ),
]
KeyFileAfterAnonymize = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        "--deid-key",
        metavar="FILE",
        help="With --anonymize: key that keeps pseudonyms the same from run to run; without it a"
        " fresh one, forgotten at the end.",
    ),
]
KeptKey = Annotated[
    str | None,
    typer.Option(
        "--key",
        metavar="NAME",
        help="As --key-file, with a key in the keyring: emix pseudonyms new NAME.",
    ),
]
NewKey = Annotated[
    Path | None,
    typer.Option(
        "--new-key",
        metavar="FILE",
        help="Make a key file, and use it where there is something to de-identify.",
    ),
]
Table = Annotated[
    Path | None,
    typer.Option(
        "--table",
        metavar="FILE",
        help="Write an encrypted table that leads back; emix pseudonyms table reads it.",
    ),
]
TablePassphrase = Annotated[
    Path | None,
    typer.Option(
        "--table-passphrase-file",
        metavar="FILE",
        help="The table opens with the passphrase in FILE (- for stdin), not with the own keys.",
    ),
]


def make_key(path: Path) -> None:
    """Make a key file and say what it is."""
    from emixcli.services.deid_key import make_key_file
    from emixcli.ui import console, output

    make_key_file(path)
    output.write_line(str(path))
    console.note("whoever has this key can link patients to their pseudonyms: put it away safely")


def note_unwritten(files: Mapping[str, Path | None]) -> None:
    """Say which of the files that options name a dry run does not write."""
    from emixcli.ui import console

    given = [name for name, path in files.items() if path is not None]
    if given:
        console.note(f"a dry run writes nothing, so {', '.join(given)} had no effect")


@dataclass(frozen=True)
class Keys:
    """Where the key is, and the table that leads back."""

    key_file: Path | None = None
    key: str | None = None
    new_key: Path | None = None
    table: Path | None = None
    table_passphrase_file: Path | None = None

    @property
    def is_empty(self) -> bool:
        """Whether none of the options is given."""
        return self == Keys()

    def check(self, paths: Sequence[str], *, dry_run: bool) -> None:
        """Refuse what cannot be meant, before anything is read or written.

        Raises
        ------
        UsageError
            Two keys, a passphrase without a table, or a table that is its own key.
        EmixError
            A file to be written exists or cannot be.
        """
        from emixcli.errors import UsageError

        if sum(value is not None for value in (self.key_file, self.key, self.new_key)) > 1:
            raise UsageError(
                "there is one key: --key-file FILE, --key NAME or --new-key FILE",
                hint="leave the others out",
            )
        if self.table_passphrase_file is not None and self.table is None:
            raise UsageError(
                "--table-passphrase-file goes with --table FILE",
                hint="give --table too, or leave it out",
            )
        if self.table is not None and self.table == self.new_key:
            raise UsageError(
                "key and table are two files", hint="choose another name for one of them"
            )
        if self.new_key is not None and not dry_run:
            from emixcli.services.deid_key import check_new_key

            check_new_key(self.new_key, paths)

    @property
    def is_kept(self) -> bool:
        """Whether the key is one that outlives the run."""
        return any((self.key_file, self.key, self.new_key))

    def check_table(self, paths: Sequence[str]) -> None:
        """Refuse a table that cannot be written, or a weak passphrase, before anything is read."""
        from emixcli.services.targets import check_new

        check_new(self.table, paths)
        if self.passphrase is not None:
            from emixcli.container.slots import check_passphrase

            check_passphrase(self.passphrase)

    def find(self, *, dry_run: bool) -> bytes | None:
        """Return the key, None where it is one of this run; a new one is written now.

        Raises
        ------
        UsageError
            It cannot be had.
        """
        if self.key_file is None and self.key is None and self.new_key is None:
            return None
        from emixcli.services.deid_key import load_kept_key, load_key_file, make_key_file
        from emixcli.ui import console

        if self.key is not None:
            return load_kept_key(self.key)
        if self.new_key is not None and not dry_run:
            make_key_file(self.new_key)
            console.note(f"the key is {self.new_key}: put it away safely, apart from the images")
        path = self.key_file if self.new_key is None else self.new_key
        return None if path is None or (dry_run and path == self.new_key) else load_key_file(path)

    @cached_property  # standard input gives it once
    def passphrase(self) -> str | None:
        """The passphrase of the table, None where it opens with the own keys."""
        from emixcli.commands._opening import read_secret

        file = self.table_passphrase_file
        if file is None:
            return None
        return read_secret(file, what="passphrase", option="--table-passphrase-file")

    @contextlib.contextmanager
    def written_table(self, links: Iterable[Link]) -> Iterator[None]:
        """Write the table, if one is asked for, before the block; it goes again if that fails."""
        if self.table is None:
            yield
            return
        from emixcli.services.reidentification import make_lock, write_table
        from emixcli.ui import console

        write_table(self.table, links, make_lock(self.passphrase))
        try:
            yield
        except BaseException:
            self.table.unlink(missing_ok=True)
            raise
        console.note(f"the table that leads back is {self.table}: keep it apart from the images")
