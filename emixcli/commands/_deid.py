"""Options of de-identification, and what they mean, for all commands that offer it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emixcli.anonymize import Profile

KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="Key that keeps pseudonyms the same from run to run; without it a fresh one,"
        " forgotten at the end.",
    ),
]
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


def make_profile(
    given: Mapping[str, Any], *, rules: Path | None, accept_risk: str | None
) -> Profile:
    """Return the profile that these options ask for.

    Parameters
    ----------
    given
        The parameters of a command; those named as an `anonymize.Option` say whether it is wanted.

    Raises
    ------
    UsageError
        Options exclude each other, or the rules cannot be read.
    """
    from emixcli.anonymize import Option, Profile, SiteRules, load_rules

    wanted = frozenset(option for option in Option if given.get(option.replace("-", "_")))
    return Profile(wanted, SiteRules() if rules is None else load_rules(rules), accept_risk)


def find_key(key_file: Path | None) -> bytes:
    """Return the key of a file, a fresh one where there is none."""
    from emixcli.anonymize import new_key
    from emixcli.services.deid_key import load_key_file

    return new_key() if key_file is None else load_key_file(key_file)
