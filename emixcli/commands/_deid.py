"""Options of de-identification, and what they mean, for all commands that offer it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from emixcli.commands._deid_key import Keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from emixcli.anonymize import Profile
    from emixcli.services.deidentify import Deidentification

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

    def find(self, paths: Sequence[str] = (), *, dry_run: bool = False) -> Deidentification | None:
        """Return how to de-identify, None where nobody asked for it.

        Raises
        ------
        UsageError
            An option is unknown, or given without --anonymize.
        """
        from emixcli.errors import UsageError

        if not self.is_asked:
            if self.options or self.rules or self.accept_risk or not self.keys.is_empty:
                raise UsageError(
                    "options of de-identification need --anonymize",
                    hint="give it, or leave them out",
                )
            return None
        wanted = dict.fromkeys(self.options or (), True)
        profile = make_profile(wanted, rules=self.rules, accept_risk=self.accept_risk)
        self.keys.check(paths, dry_run=dry_run)
        if not dry_run:
            self.keys.check_table(paths)
        return find_how(profile, self.keys, dry_run=dry_run)
