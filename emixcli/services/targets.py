"""Where something new may be written: over nothing, and never into what is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emixcli.errors import OutputError, OutputExistsError
from emixcli.media.names import is_folder
from emixcli.wholefile import output_errors


def check_new(path: Path | None, sources: Sequence[str] = ()) -> None:
    """Refuse a file that exists, has no folder, or would lie in what is read.

    Raises
    ------
    OutputExistsError
        It exists.
    OutputError
        Its folder does not, may not be looked into, or is below a source.
    """
    if path is None:
        return
    check_outside(path, sources)
    with output_errors():
        if path.exists() or path.is_symlink():
            raise OutputExistsError(
                f"{path.name} exists already", hint="choose another name or remove it first"
            )
        if not path.parent.is_dir():
            raise OutputError("the folder of the output does not exist", hint="make it first")


def check_outside(output: Path | None, sources: Sequence[str]) -> None:
    """Refuse an output below a folder that is read: the source is never written.

    Raises
    ------
    OutputError
        It would be.
    """
    if output is None:
        return
    target = output.resolve()
    if any(
        is_folder(source) and target.is_relative_to(Path(source).resolve()) for source in sources
    ):
        raise OutputError(
            "the output would be written into the source", hint="choose a folder outside of it"
        )
