"""What was refused, in words: how many for which reason, and what to do about each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from emixcli.deid.pixels.risk import CODEC
from emixcli.deid.refusal import Reason
from emixcli.services.deidentify import DUPLICATE, UNREADABLE

if TYPE_CHECKING:
    from emixcli.services.deidentify import Refused

_NEW_COPY: Final = "ask for a new copy"
_ITS_MAKER: Final = "ask who made it"
#: Of other reasons the refusal says what to do: those of pixels that a person may look at.
_REMEDIES: Final = {
    UNREADABLE: f"emix scan tells more; {_NEW_COPY} of the disc",
    DUPLICATE: "ask which of the two is right",
    Reason.NO_DICOM: "leave it out",
    Reason.DICOMDIR: "leave it out: --dicomdir makes a new one",
    Reason.NO_SOP_CLASS: _ITS_MAKER,
    Reason.NO_UID: _ITS_MAKER,
    Reason.UNKNOWN_SOP_CLASS: "accept_sop_classes in rules of your site takes a class upon you",
    Reason.UNKNOWN_SYNTAX: "convert it with another tool",
    Reason.DOCUMENT: "leave it out",
    Reason.VOICE: "leave it out, or accept_sop_classes in rules of your site",
    Reason.SECOND_LOOK: "leave it out; the report says where it was found",
    Reason.REPORT: "leave it out",
    CODEC: "decompress them with another tool, or ask for them anew",
    "pixels.damaged": _NEW_COPY,
}


class Group(NamedTuple):
    """Objects that were refused for one reason: its id, what it means, and what to do."""

    id: str
    n: int
    words: str
    remedy: str


def grouped(refused: Sequence[Refused]) -> list[Group]:
    """Return the reasons in the order in which they were met."""
    groups: dict[str, Group] = {}
    for item in refused:
        remedy = _REMEDIES.get(item.id) or item.hint or _NEW_COPY
        words = item.message.removeprefix("refused: ")
        before = groups.setdefault(item.id, Group(item.id, 0, words, remedy))
        groups[item.id] = before._replace(n=before.n + 1)
    return list(groups.values())


def remedies(refused: Sequence[Refused]) -> str:
    """Return what to do, for one reason as it is, for several with their counts."""
    groups = grouped(refused)
    if len(groups) == 1:
        return groups[0].remedy
    return "; ".join(f"{group.n} x {group.id}: {group.remedy}" for group in groups)
