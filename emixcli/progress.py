"""What a service tells about its progress, without knowing of terminals.

A service takes a `ProgressListener` and calls it from any thread. The command line gives it one
that draws (`emixcli.ui.progress`); everybody else gets `SILENT`.
"""

from __future__ import annotations


class ProgressListener:
    """Hears what a service is doing; this one does nothing."""

    def stage(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        """Begin a stage.

        Parameters
        ----------
        name
            One or two words for the user: `reading`, `uploading`.
        total
            Size of the stage in units, or None where nobody knows yet.
        unit
            `bytes`, `files`, `parts`.
        """

    def advance(self, n: int) -> None:
        """Report `n` more units of the present stage as done."""

    def resize(self, total: int) -> None:
        """Tell how large the present stage is, where only a bound of it was known before."""

    def note(self, text: str) -> None:
        """Tell the user one line. No attribute values, no source paths."""


#: The listener for callers who do not care.
SILENT = ProgressListener()
