"""Audit rows as DICOM audit messages (PS3.15 section A.5).

The exchange knows neither patient nor study: the object of a message is the package, by its id.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

if TYPE_CHECKING:
    from emixcli.services.audit import Entry

_DCM: Final = "DCM"
_SUCCESS, _MINOR_FAILURE = "0", "4"
_RECIPIENT: Final = "recipient"


@dataclass(frozen=True, slots=True)
class _Event:
    """EventID, EventTypeCode (None for none), EventActionCode (PS3.15 A.5.3, PS3.16 CID 400)."""

    id: tuple[str, str]
    type: tuple[str, str] | None
    action: str
    outcome: str = _SUCCESS


_ALERT = ("110113", "Security Alert")
_LOGIN = ("110114", "User Authentication")
_ACCESS = ("110103", "DICOM Instances Accessed")
_OBJECT = ("110135", "Object Security Attributes Changed")
_USER = ("110137", "User Security Attributes Changed")
_RESTRICTED = ("110132", "Use of Restricted Function")
_REFUSED: Final = _Event(_ALERT, _RESTRICTED, "E", _MINOR_FAILURE)

_EVENTS: Final = {
    "account.login": _Event(_LOGIN, ("110122", "Login"), "E"),
    "account.refused": _Event(_LOGIN, ("110122", "Login"), "E", _MINOR_FAILURE),
    "account": _Event(_ALERT, _USER, "U"),
    "audit": _Event(("110101", "Audit Log Used"), None, "R"),
    "package.draft": _Event(("110107", "Import"), None, "C"),
    "package.uploading": _Event(("110107", "Import"), None, "C"),
    "package.sealed": _Event(("110107", "Import"), None, "C"),
    "package.purged": _Event(("110105", "DICOM Study Deleted"), None, "D"),
    "share.opened": _Event(_ACCESS, None, "R"),
    "share.access_granted": _Event(_ACCESS, None, "R"),
    "share.downloaded": _Event(("110106", "Export"), None, "R"),
    "share.access_refused": _REFUSED,
    "share.code_refused": _REFUSED,
    "share.used_up": _REFUSED,
    "key": _Event(_ALERT, _USER, "U"),
    "share": _Event(_ALERT, _OBJECT, "U"),
    "package": _Event(_ALERT, _OBJECT, "U"),
}
_OTHER: Final = _Event(_ALERT, ("110129", "Security Configuration"), "E")


def is_failure(entry: Entry) -> bool:
    """Whether the row tells of something that was refused."""
    return _event_of(entry).outcome != _SUCCESS


def _event_of(entry: Entry) -> _Event:
    action = entry.row.action
    if action not in _EVENTS and action.endswith(".refused"):
        return _REFUSED
    return _EVENTS.get(action) or _EVENTS.get(action.partition(".")[0], _OTHER)


def message_of(entry: Entry, source_id: str) -> bytes:
    """Return the message of a row as UTF-8 XML without a declaration.

    Parameters
    ----------
    entry
        A row of the trail.
    source_id
        AuditSourceID: the host name of the exchange.
    """
    row, event = entry.row, _event_of(entry)
    root = ElementTree.Element("AuditMessage")
    identification = ElementTree.SubElement(
        root,
        "EventIdentification",
        EventActionCode=event.action,
        EventDateTime=entry.at,
        EventOutcomeIndicator=event.outcome,
    )
    _coded(identification, "EventID", event.id)
    if event.type is not None:
        _coded(identification, "EventTypeCode", event.type)
    _coded(identification, "EventTypeCode", (row.action, row.action), system="99EMIX")
    _add_participants(root, entry, source_id)
    source = ElementTree.SubElement(
        root,
        "AuditSourceIdentification",
        AuditEnterpriseSiteID=entry.organisation_id,
        AuditSourceID=source_id,
    )
    ElementTree.SubElement(source, "AuditSourceTypeCode", {"csd-code": "4"})
    _add_object(root, entry)
    text: str = ElementTree.tostring(root, encoding="unicode")
    return text.encode()


def _coded(
    parent: ElementTree.Element, name: str, code: tuple[str, str], *, system: str = _DCM
) -> ElementTree.Element:
    attributes = {"csd-code": code[0], "codeSystemName": system, "originalText": code[1]}
    return ElementTree.SubElement(parent, name, attributes)


def _add_participants(root: ElementTree.Element, entry: Entry, source_id: str) -> None:
    row, detail = entry.row, entry.detail
    who = ElementTree.SubElement(
        root,
        "ActiveParticipant",
        UserID=entry.name_of(row.actor),
        AlternativeUserID=row.actor,
        UserIsRequestor="true",
    )
    address = detail.get("source")
    if isinstance(address, str) and address:
        who.set("NetworkAccessPointID", address)
        who.set("NetworkAccessPointTypeCode", "2")
    if row.actor == _RECIPIENT:
        _coded(who, "RoleIDCode", ("110152", "Destination Role ID"))
    if row.actor != "exchange":
        exchange = ElementTree.SubElement(
            root, "ActiveParticipant", UserID=source_id, UserIsRequestor="false"
        )
        _coded(exchange, "RoleIDCode", ("110150", "Application"))
    if isinstance(to := detail.get("recipient"), str):
        named = ElementTree.SubElement(
            root, "ActiveParticipant", UserID=to, UserIsRequestor="false"
        )
        _coded(named, "RoleIDCode", ("110152", "Destination Role ID"))


def _add_object(root: ElementTree.Element, entry: Entry) -> None:
    """Add what the row is about, with its details and its place in the chain."""
    row = entry.row
    kind = row.action.partition(".")[0]
    is_person = kind == "account"
    item = ElementTree.SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=row.subject or entry.organisation_id,
        ParticipantObjectTypeCode="1" if is_person else "2",
        ParticipantObjectTypeCodeRole="11" if is_person else "13" if kind == "audit" else "4",
    )
    _coded(item, "ParticipantObjectIDTypeCode", (kind, f"{kind} id"), system="99EMIX")
    ElementTree.SubElement(item, "ParticipantObjectName").text = entry.name_of(row.subject) or kind
    place = {"seq": row.seq, "hash": row.hash}
    for name, value in (*entry.detail.items(), *place.items()):
        text = value if isinstance(value, str) else json.dumps(value)
        encoded = base64.b64encode(text.encode()).decode()
        ElementTree.SubElement(item, "ParticipantObjectDetail", type=str(name), value=encoded)
