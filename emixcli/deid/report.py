"""The report of a de-identification: what was done to which attribute, and what remains.

It is meant to be handed on with the data, so no old value, no source path and nothing of the key
is ever in it. Its JSON form is documented in docs/reference/json.md.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from emixcli.deid import tables
from emixcli.deid.explain import explain, loosened
from emixcli.deid.options import BASIC_CODE, OPTION_CODES, Option, Profile

if TYPE_CHECKING:
    from emixcli.deid.structure import Leak

SCHEMA = "emix.deid-report/1"
#: Actions by letter, as PS3.15 Table E.1-1a names them.
ACTIONS = {
    "X": "removed",
    "Z": "emptied or replaced by a dummy",
    "D": "replaced by a dummy",
    "U": "replaced by a new UID",
    "C": "cleaned",
    "K": "kept",
}
_EDITION = "DICOM PS3.15 2026c, Annex E"
_RISKS = {
    "pixels": "Text in pixel data was not looked for: only known kinds of images at "
    "risk are refused.",
    "pixels.cleaned": "Text in pixel data was blacked out where rules for devices know it; other "
    "text stays.",
    "faces": "A face can be computed from head images.",
    "dates.full": "Dates are the real ones; with other knowledge they can point to a person.",
    "dates.modified": "Intervals between dates are the real ones; a known interval can point to a "
    "person.",
    "characteristics": "Age, sex, size and weight are the real ones.",
    "device": "The device is named, and with it perhaps the place and the time.",
    "institution": "The institution is named.",
    "uids": "UIDs are the real ones: who has the originals finds the patient.",
    "descriptors": "Descriptions were cleaned by a list of allowed words; a rare word of the list "
    "may still point to a person.",
    "private": "Private elements that the standard calls safe are kept.",
    "site": "Rules of the site keep what the profile takes away; the second look lets it pass.",
    "linkable": "Objects of a patient stay together under one pseudonym; whoever has the key can "
    "link them to later ones.",
}
_BY_OPTION = {
    Option.RETAIN_FULL_DATES: "dates.full",
    Option.RETAIN_MODIFIED_DATES: "dates.modified",
    Option.RETAIN_PATIENT_CHARACTERISTICS: "characteristics",
    Option.RETAIN_DEVICE: "device",
    Option.RETAIN_INSTITUTION: "institution",
    Option.RETAIN_UIDS: "uids",
    Option.CLEAN_DESCRIPTORS: "descriptors",
    Option.RETAIN_SAFE_PRIVATE: "private",
}


class Done(Protocol):
    """What the report wants to know of a de-identified object."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def sop_class_uid(self) -> str:
        """Its class."""

    @property
    def sop_instance_uid(self) -> str:
        """The new UID."""

    @property
    def actions(self) -> Counter[tuple[int, str]]:
        """Counts by tag and letter."""

    @property
    def accepted(self) -> tuple[str, ...]:
        """Reason ids of risks that were let pass."""


class Output(NamedTuple):
    """A file that was written."""

    name: str
    size: int
    sha256: str
    sop_class_uid: str
    sop_instance_uid: str


@dataclass(eq=False, repr=False)
class Report:
    """Collects what happened; `as_dict` is the document.

    Parameters
    ----------
    profile
        What was asked for.
    version
        Of this program.
    kept_key
        Whether the key outlives the run.
    n_reports, n_missing
        Reports beside the images, which are left out, and objects that are not on the media.
    """

    profile: Profile
    version: str
    kept_key: bool = False
    actions: Counter[tuple[int, str]] = field(default_factory=Counter)
    outputs: list[Output] = field(default_factory=list)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    leaks: Counter[Leak] = field(default_factory=Counter)
    repairs: Counter[Leak] = field(default_factory=Counter)
    n_verified: int = 0
    n_repaired: int = 0
    n_reports: int = 0
    n_missing: int = 0

    def written(self, done: Done, *, name: str, sha256: str) -> None:
        """Record an output.

        Parameters
        ----------
        name
            Of the output, made by us.
        """
        self.actions.update(done.actions)
        self.accepted.update(done.accepted)
        self.outputs.append(
            Output(name, done.size, sha256, done.sop_class_uid, done.sop_instance_uid)
        )

    def add(self, part: Report) -> None:
        """Take over what another report recorded of outputs."""
        self.actions.update(part.actions)
        self.accepted.update(part.accepted)
        self.outputs += part.outputs

    def refuse(self, label: str, reason: str, message: str) -> None:
        """Record an object that did not go out.

        Parameters
        ----------
        label
            What the caller may tell of it: its number among the inputs.
        reason, message
            Of the `DeidError`.
        """
        self.refused.append((label, reason, message))

    def verified(self, repaired: Sequence[Leak] = ()) -> None:
        """Record an output in which the second look found nothing.

        Parameters
        ----------
        repaired
            What it had found before the output was made again.
        """
        self.n_verified += 1
        self.n_repaired += bool(repaired)
        self.repairs.update(repaired)

    def given_up(self, leaks: Iterable[Leak]) -> None:
        """Record what the second look found in an object that therefore did not go out."""
        self.leaks.update(leaks)

    def as_dict(self) -> dict[str, Any]:
        """Return the document, ready for JSON."""
        return {
            "schema": SCHEMA,
            "tool": {"name": "emix", "version": self.version, "standard": _EDITION},
            "date": dt.datetime.now(dt.UTC).date().isoformat(),
            "profile": self._profile(),
            "counts": {
                "read": len(self.outputs) + len(self.refused),
                "written": len(self.outputs),
                "refused": len(self.refused),
                "actions": _letters(self.actions),
            },
            "attributes": [
                {"tag": _tag(tag), "name": name_of(tag), "action": letter, "count": count}
                for (tag, letter), count in sorted(self.actions.items())
            ],
            "refused": [
                {"file": label, "id": reason, "message": message}
                for label, reason, message in self.refused
            ],
            "left_out": {"reports": self.n_reports, "missing": self.n_missing},
            "risks": [{"id": risk, "text": _RISKS[risk]} for risk in self._risks()],
            "accepted_risks": dict(sorted(self.accepted.items())),
            "verification": {
                "objects": self.n_verified,
                "verified": self.n_verified == len(self.outputs),
                "repaired": self.n_repaired,
                "repairs": _places(self.repairs),
                "leaks": _places(self.leaks),
            },
            "outputs": [output._asdict() for output in self.outputs],
        }

    def _profile(self) -> dict[str, Any]:
        options = sorted(self.profile.options)
        codes = [BASIC_CODE, *(OPTION_CODES[option] for option in options)]
        rules = self.profile.rules
        return {
            "name": BASIC_CODE[1],
            "options": [str(option) for option in options],
            "codes": [
                {"value": value, "scheme": "DCM", "meaning": meaning} for value, meaning in codes
            ],
            "site_rules": [
                {
                    "tag": _tag(tag),
                    "name": name_of(tag),
                    "action": letter,
                    "looser": explain(tag, self.profile).is_loosened,
                }
                for tag, letter in sorted(rules.actions.items())
            ],
            "site_sop_classes": sorted(rules.accept_sop_classes),
            "site_private": [
                {"creator": creator, "tag": _tag(tag), "vr": vr}
                for (creator, tag), vr in sorted(rules.safe_private.items())
            ],
            "site_pixel_rules": [rule.id for rule in rules.pixel_rules],
            "max_shift_days": rules.max_shift_days,
            "accept_risk": self.profile.accept_risk,
            "key": "kept" if self.kept_key else "forgotten",
        }

    def _risks(self) -> list[str]:
        options = self.profile.options
        found = ["pixels.cleaned" if Option.CLEAN_PIXEL_DATA in options else "pixels"]
        if Option.CLEAN_RECOGNIZABLE not in options:
            found.append("faces")
        found += [risk for option, risk in _BY_OPTION.items() if option in options]
        if loosened(self.profile):
            found.append("site")
        if self.kept_key:
            found.append("linkable")
        return found


def _places(leaks: Mapping[Leak, int]) -> list[dict[str, Any]]:
    return [{**leak._asdict(), "count": count} for leak, count in sorted(leaks.items())]


def _letters(actions: Mapping[tuple[int, str], int]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for (_, letter), count in actions.items():
        counts[letter] += count
    return dict(sorted(counts.items()))


def name_of(tag: int) -> str:
    """Return an attribute's name; "" for private and unknown ones."""
    from pydicom.datadict import dictionary_description, dictionary_has_tag  # half a second

    row = tables.profile().get(f"{tag:08X}")
    if row is not None:
        return row.name
    return dictionary_description(tag) if dictionary_has_tag(tag) else ""


def _tag(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
