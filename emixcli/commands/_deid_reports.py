"""Options for reports beside de-identified images, and how a person approves what is left."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from emixcli.services.deid_reports import Policy

ReportsMode = Annotated[
    str,
    typer.Option(
        "--reports",
        metavar="HOW",
        help="With --anonymize: add copies of the reports that are structured (codes and numbers"
        " only) or reviewed (text that a person has read).",
    ),
]
Reviewer = Annotated[
    str,
    typer.Option(
        "--reviewer", metavar="NAME", help="Who has read the text; with --reports reviewed."
    ),
]
ReviewOut = Annotated[
    Path | None,
    typer.Option(
        "--review-out",
        metavar="FILE",
        help="Write the text that is left to a new file, to be read, and end.",
    ),
]
Reviewed = Annotated[
    str,
    typer.Option(
        "--reviewed",
        metavar="SHA256",
        help="The text that was read: the hash of the file of --review-out.",
    ),
]


class Way(NamedTuple):
    """The options."""

    mode: str
    reviewer: str
    review_out: Path | None
    reviewed: str

    def find(self, anonymize: bool, no_input: bool) -> Policy | None:  # noqa: FBT001 - as the options come
        """Return how reports go along with de-identified images; None where nobody asked for it.

        Raises
        ------
        UsageError
            There is no such way, or options do not belong together.
        """
        from emixcli.errors import UsageError

        is_review = bool(self.reviewer or self.review_out or self.reviewed)
        if is_review and self.mode != "reviewed":
            raise UsageError(
                "--reviewer, --review-out and --reviewed need --reports reviewed",
                hint="give it, or leave them out",
            )
        if not self.mode:
            return None
        if not anonymize:
            raise UsageError("--reports needs --anonymize", hint="give it, or leave --reports out")
        from emixcli.services.deid_reports import Mode, Policy

        if self.mode not in set(Mode):
            raise UsageError("there is no such way for reports", hint="structured or reviewed")
        if self.mode == Mode.STRUCTURED:
            return Policy(mode=Mode.STRUCTURED)
        reviewer = self.reviewer.strip()
        if not reviewer:
            raise UsageError("a review has a reviewer", hint="--reviewer NAME")
        approve = _approval(self.review_out, self.reviewed.strip().lower(), no_input=no_input)
        return Policy(mode=Mode.REVIEWED, reviewer=reviewer, approve=approve)


def _approval(out: Path | None, reviewed: str, *, no_input: bool) -> Callable[[bytes], None]:
    """Return what lets a text go: its hash, a file to be read first, or a person who is asked."""

    def approve(text: bytes) -> None:
        import hashlib

        from emixcli.errors import DeclinedError

        digest = hashlib.sha256(text).hexdigest()
        if reviewed:
            if reviewed != digest:
                raise DeclinedError(
                    "the text of the reports is not the one that was reviewed",
                    hint="review it anew; with --key-file FILE it is the same from run to run",
                )
            return
        if out is not None:
            _write(out, text)
            raise DeclinedError(
                f"nothing goes out yet: the text is in {out.name}, to be read by the reviewer",
                hint=f"then the same command with --reviewed {digest} instead of --review-out",
            )
        _ask(text, no_input=no_input)

    return approve


def _write(out: Path, text: bytes) -> None:
    from emixcli.errors import OutputExistsError
    from emixcli.wholefile import output_error

    try:
        with out.open("xb") as file:
            file.write(text)
    except FileExistsError as exc:
        raise OutputExistsError(f"{out.name} exists already", hint="choose another name") from exc
    except OSError as exc:
        raise output_error(exc) from exc


def _ask(text: bytes, *, no_input: bool) -> None:
    """Show a text at the terminal and have it confirmed by its reader."""
    from emixcli.errors import DeclinedError
    from emixcli.ui import console, prompts

    if no_input or not prompts.is_interactive():
        raise DeclinedError(
            "nobody is here to review the text of the reports",
            hint="--review-out FILE writes it; --reviewed SHA256 confirms it",
        )
    for line in text.decode().split("\n"):
        console.tell(line)
    prompts.confirm("does nothing in this text say who the patient is?", no_input=no_input)
