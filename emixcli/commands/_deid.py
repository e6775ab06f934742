"""Options of de-identification, and what they mean, for all commands that offer it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from emixcli.commands._deid_key import Keys, note_unwritten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from emixcli.anonymize import Profile
    from emixcli.deid.report import Report
    from emixcli.services.deidentify import Deidentification
    from emixcli.services.selection import Choice

Rules = Annotated[
    Path | None,
    typer.Option("--rules", metavar="FILE", help="Rules of this site, a TOML file."),
]
AcceptRisk = Annotated[
    str | None,
    typer.Option(
        "--accept-risk",
        metavar="REASON",
        help="Let images pass that may show text or a face; REASON is recorded.",
    ),
]
CleanPixelData = Annotated[
    bool, typer.Option("--clean-pixel-data", help="Black out text burned into images.")
]
CleanRecognizable = Annotated[
    bool,
    typer.Option("--clean-recognizable", help="Remove faces from head images, or refuse them."),
]
CleanGraphics = Annotated[
    bool, typer.Option("--clean-graphics", help="Keep graphics and overlays without their text.")
]
CleanStructuredContent = Annotated[
    bool,
    typer.Option("--clean-structured-content", help="Keep the content of structured reports."),
]
CleanDescriptors = Annotated[
    bool, typer.Option("--clean-descriptors", help="Keep descriptions, word by safe word.")
]
RetainFullDates = Annotated[bool, typer.Option("--retain-full-dates", help="Keep dates as is.")]
RetainModifiedDates = Annotated[
    bool,
    typer.Option("--retain-modified-dates", help="Keep intervals: shift the dates of a patient."),
]
RetainPatient = Annotated[
    bool,
    typer.Option("--retain-patient-characteristics", help="Keep sex, age, size, weight and such."),
]
RetainDevice = Annotated[
    bool, typer.Option("--retain-device", help="Keep what identifies the device.")
]
RetainInstitution = Annotated[
    bool, typer.Option("--retain-institution", help="Keep what identifies the institution.")
]
RetainUids = Annotated[bool, typer.Option("--retain-uids", help="Keep UIDs as they are.")]
RetainSafePrivate = Annotated[
    bool,
    typer.Option("--retain-safe-private", help="Keep private attributes that PS3.15 calls safe."),
]

Ocr = Annotated[
    bool | None,
    typer.Option(
        "--ocr/--no-ocr",
        help="Look for text in pixels by recognition (pip install 'emixcli[ocr]').",
        show_default="with --clean-pixel-data, where it is installed",
    ),
]
Anonymize = Annotated[
    bool,
    typer.Option("--anonymize", help="Remove what identifies the patient first, and prove it."),
]
DeidOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--deid-option",
        metavar="NAME",
        help="With --anonymize: an option of emix anonymize, as retain-modified-dates; several"
        " times.",
    ),
]
DeidRules = Annotated[
    Path | None,
    typer.Option("--deid-rules", metavar="FILE", help="With --anonymize: as --rules of it."),
]

DeidReport = Annotated[
    Path | None,
    typer.Option(
        "--anonymize-report",
        metavar="FILE",
        help="With --anonymize: as --report of emix anonymize, what was done: .json or .html.",
    ),
]


def make_profile(
    options: Mapping[str, bool],
    *,
    rules: Path | None,
    accept_risk: str | None,
    name: str = "basic",
) -> Profile:
    """Return the profile with the options that are wanted, by name.

    Raises
    ------
    UsageError
        Options are unknown or exclude each other, or the rules cannot be read.
    """
    from emixcli.anonymize import Option, Profile, SiteRules, load_rules
    from emixcli.errors import UsageError

    if name != "basic":
        raise UsageError("there is no profile of this name", hint="it is --profile basic")
    if accept_risk is not None and not accept_risk.strip():
        raise UsageError("a risk is accepted for a reason", hint="--accept-risk REASON, in words")
    if not options.keys() <= set(Option):
        raise UsageError(
            "there is no such option of de-identification",
            hint="emix anonymize --help lists them; leave the dashes in front out",
        )
    wanted = frozenset(option for option in Option if options.get(option))
    return Profile(wanted, SiteRules() if rules is None else load_rules(rules), accept_risk)


def warn_of_loosening(profile: Profile) -> None:
    """Say in red which rules of the site protect less than the profile does."""
    from emixcli.anonymize import loosened
    from emixcli.ui import console

    for row in loosened(profile):
        tag = f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})"
        console.warn(f"a rule of this site loosens the profile: {tag} {row.name}: {row.words}")


def find_how(
    profile: Profile, keys: Keys, *, ocr: bool | None = None, dry_run: bool = False
) -> Deidentification:
    """Return how to de-identify; raises `UsageError` where that cannot be done here."""
    from emixcli.services.deidentify import Deidentification

    if ocr:
        from emixcli.deid.pixels.ocr import require

        require()
    warn_of_loosening(profile)
    has_table = keys.table is not None and not dry_run
    return Deidentification(profile, keys.find(dry_run=dry_run), ocr, links=has_table)


class Anonymizing(NamedTuple):
    """What commands are told that de-identify on the way."""

    is_asked: bool
    options: Sequence[str] | None
    rules: Path | None = None
    accept_risk: str | None = None
    keys: Keys = Keys()
    report: Path | None = None

    def find(self, paths: Sequence[str] = (), *, dry_run: bool = False) -> Deidentification | None:
        """Return how to de-identify, None where nobody asked for it.

        Raises
        ------
        UsageError
            An option is unknown, or given without --anonymize.
        """
        from emixcli.errors import UsageError

        if not self.is_asked:
            if any(self[1:4]) or not self.keys.is_empty or self.report:
                raise UsageError(
                    "options of de-identification need --anonymize",
                    hint="give it, or leave them out",
                )
            return None
        from emixcli.services.deid_told import check_name
        from emixcli.services.targets import check_new

        wanted = dict.fromkeys(self.options or (), True)
        profile = make_profile(wanted, rules=self.rules, accept_risk=self.accept_risk)
        check_name(self.report)
        self.keys.check(paths, dry_run=dry_run)
        if dry_run:
            keys = self.keys
            note_unwritten({
                "--anonymize-report": self.report, "--table": keys.table,
                "--new-key": keys.new_key,
            })  # fmt: skip
        else:
            check_new(self.report, paths)
            self.keys.check_table(paths)
        return find_how(profile, self.keys, dry_run=dry_run)

    def as_json(self) -> dict[str, str | None]:
        """Return the files beside the package, for JSON."""
        files = {"table": self.keys.table, "anonymize_report": self.report}
        return {name: None if path is None else str(path) for name, path in files.items()}

    def require_kept(self) -> None:
        """Refuse a table or report of an earlier send that had a key of its own.

        Raises
        ------
        UsageError
            That key is forgotten, so neither would fit to what was sent.
        """
        from emixcli.errors import UsageError

        beside = "--table" if self.keys.table else "--anonymize-report" if self.report else ""
        if beside and not self.keys.is_kept:
            raise UsageError(
                "this was sent before, and its key is forgotten: nothing can be told of it any"
                " more",
                hint=f"leave {beside} out, or send it anew with --again",
            )

    @contextlib.contextmanager
    def written(self, choice: Choice) -> Iterator[None]:
        """Write table and report, where asked for, before the block; they go if that fails."""
        with self.keys.written_table(choice.links):
            if self.report is None or choice.deid_report is None:
                yield
                return
            from emixcli.services.deid_told import write_report
            from emixcli.ui import console

            write_report(choice.deid_report, self.report)
            try:
                yield
            except BaseException:
                self.report.unlink(missing_ok=True)
                raise
            console.note(f"the report of the de-identification is {self.report}")


def note_second_look(report: Report | None, *, where: str) -> None:
    """Say what the second look found, where there was one."""
    from emixcli.anonymize import loosened
    from emixcli.ui import console

    if report is None:
        return
    kept = ", but for what rules of this site keep" if loosened(report.profile) else ""
    console.note(f"nothing that identifies the patient was found in {where}{kept}")
    if report.n_repaired:
        console.note(f"made again after the second look: {report.n_repaired}; see the report")
