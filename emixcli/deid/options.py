"""The profile and its options (PS3.15 sections E.2 and E.3), and what a site adds."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from emixcli.errors import UsageError

if TYPE_CHECKING:
    from emixcli.deid.pixels.rules import Rule as PixelRule


class Option(enum.StrEnum):
    """An option of the Basic Application Level Confidentiality Profile."""

    CLEAN_PIXEL_DATA = "clean-pixel-data"
    CLEAN_RECOGNIZABLE = "clean-recognizable"
    CLEAN_GRAPHICS = "clean-graphics"
    CLEAN_STRUCTURED_CONTENT = "clean-structured-content"
    CLEAN_DESCRIPTORS = "clean-descriptors"
    RETAIN_FULL_DATES = "retain-full-dates"
    RETAIN_MODIFIED_DATES = "retain-modified-dates"
    RETAIN_PATIENT_CHARACTERISTICS = "retain-patient-characteristics"
    RETAIN_DEVICE = "retain-device"
    RETAIN_INSTITUTION = "retain-institution"
    RETAIN_UIDS = "retain-uids"
    RETAIN_SAFE_PRIVATE = "retain-safe-private"


#: Code values of the coding scheme DCM and their meanings (PS3.16 CID 7050).
BASIC_CODE = ("113100", "Basic Application Confidentiality Profile")
OPTION_CODES: Mapping[Option, tuple[str, str]] = {
    Option.CLEAN_PIXEL_DATA: ("113101", "Clean Pixel Data Option"),
    Option.CLEAN_RECOGNIZABLE: ("113102", "Clean Recognizable Visual Features Option"),
    Option.CLEAN_GRAPHICS: ("113103", "Clean Graphics Option"),
    Option.CLEAN_STRUCTURED_CONTENT: ("113104", "Clean Structured Content Option"),
    Option.CLEAN_DESCRIPTORS: ("113105", "Clean Descriptors Option"),
    Option.RETAIN_FULL_DATES: (
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
    ),
    Option.RETAIN_MODIFIED_DATES: (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    Option.RETAIN_PATIENT_CHARACTERISTICS: ("113108", "Retain Patient Characteristics Option"),
    Option.RETAIN_DEVICE: ("113109", "Retain Device Identity Option"),
    Option.RETAIN_UIDS: ("113110", "Retain UIDs Option"),
    Option.RETAIN_SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
    Option.RETAIN_INSTITUTION: ("113112", "Retain Institution Identity Option"),
}


class SiteRules(NamedTuple):
    """What a site changes.

    Attributes
    ----------
    actions
        Tag (as in PS3.6) to action letter `X`, `Z`, `D`, `U`, `C` or `K`.
    safe_private
        VR of private elements that the site calls safe, by creator and `gggg00ee`.
    accept_sop_classes
        SOP classes outside the standard that the site takes upon itself.
    max_shift_days
        Where dates are modified, they move back by 1 to so many days.
    pixel_rules
        Regions to blacken, of `deid.pixels.rules.parse_site_rule`.
    """

    actions: Mapping[int, str] = {}
    safe_private: Mapping[tuple[str, int], str] = {}
    accept_sop_classes: frozenset[str] = frozenset()
    max_shift_days: int = 3652
    pixel_rules: tuple[PixelRule, ...] = ()


#: What a site that changes nothing has.
NO_RULES = SiteRules()


@dataclass(frozen=True)
class Profile:
    """The Basic Profile with options.

    Raises
    ------
    UsageError
        If options exclude each other: full and modified dates (PS3.15 section E.3.6).
    """

    options: frozenset[Option] = frozenset()
    rules: SiteRules = NO_RULES
    accept_risk: str | None = None

    def __post_init__(self) -> None:
        dates = {Option.RETAIN_FULL_DATES, Option.RETAIN_MODIFIED_DATES}
        if dates <= self.options:
            raise UsageError(
                "full and modified dates cannot both be retained", hint="leave one of the two out"
            )
