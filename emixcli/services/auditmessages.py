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
class AuditEvent:
    """EventID, EventTypeCode (None for none), EventActionCode (PS3.15 A.5.3, PS3.16 CID 400)."""

    id: tuple[str, str]
    type: tuple[str, str] | None
    action: str
    outcome: str = _SUCCESS


def _alert(code: str, meaning: str, *, outcome: str = _SUCCESS) -> AuditEvent:
    """A Security Alert, whose action is always E (PS3.15 Table A.5.3.11-1; types: CID 403)."""
    return AuditEvent(("110113", "Security Alert"), (code, meaning), "E", outcome)


_LOGIN: Final = AuditEvent(("110114", "User Authentication"), ("110122", "Login"), "E")
_NO_LOGIN: Final = AuditEvent(_LOGIN.id, _LOGIN.type, "E", _MINOR_FAILURE)
_LOG_USED: Final = AuditEvent(("110101", "Audit Log Used"), None, "R")
_IMPORT: Final = AuditEvent(("110107", "Import"), None, "C")
_ACCESS: Final = AuditEvent(("110103", "DICOM Instances Accessed"), None, "R")
_ORDER: Final = ("110109", "Order Record")
_CONFIGURATION: Final = _alert("110129", "Security Configuration")
_REFUSED: Final = _alert("110132", "Use of Restricted Function", outcome=_MINOR_FAILURE)
_OBJECT: Final = _alert("110135", "Object Security Attributes Changed")
_NOT_DELIVERED: Final = _alert(
    "110135", "Object Security Attributes Changed", outcome=_MINOR_FAILURE
)
_USER: Final = _alert("110137", "User Security Attributes Changed")

#: Every kind of row that an exchange writes.
EVENTS: Final[dict[str, AuditEvent]] = {
    action: event
    for event, actions in (
        (_LOGIN, "account.login share.verified request.mailbox_proven"),
        (_NO_LOGIN, "account.refused"),
        (_LOG_USED, "audit.read disclosures.read share.certified"),
        (_IMPORT, "package.draft package.uploading package.sealed"),
        (AuditEvent(("110105", "DICOM Study Deleted"), None, "D"), "package.purged"),
        (_ACCESS, "share.opened share.access_granted"),
        (AuditEvent(("110106", "Export"), None, "R"), "share.downloaded"),
        (AuditEvent(_ORDER, None, "C"), "request.made request.received"),
        (AuditEvent(_ORDER, None, "R"), "request.read"),
        (
            AuditEvent(_ORDER, None, "U"),
            (
                "request.approved request.declined request.fulfilled request.answered_again"
                " request.expired"
            ),
        ),
        (
            _REFUSED,
            (
                "share.code_refused share.access_refused share.used_up request.code_refused"
                " package.refused share.refused contact.refused policy.refused key.refused"
                " inbox.refused audit.refused disclosures.refused request.refused object.refused"
            ),
        ),
        (
            _OBJECT,
            (
                "package.shared package.revoked package.expired"
                " share.created share.notified share.mailed share.withheld share.resent"
                " share.code_sent share.recalled share.revoked share.expired share.locked"
                " request.invited request.uninvited request.mailed request.withheld"
                " request.code_sent"
            ),
        ),
        (_NOT_DELIVERED, "share.undelivered request.undelivered"),
        (
            _USER,
            (
                "account.added account.changed key.published key.withdrawn"
                " request.key_published request.key_withdrawn"
            ),
        ),
        (
            _CONFIGURATION,
            (
                "contact.added contact.changed contact.seconded contact.verified contact.removed"
                " contact.blocked contact.unblocked policy.changed disclosures.begun"
            ),
        ),
    )
    for action in actions.split()
}


def event_of(action: str) -> AuditEvent:
    """Return the event of a kind of row; also of one that a newer exchange writes."""
    return EVENTS.get(action, _REFUSED if action.endswith("refused") else _CONFIGURATION)


def is_failure(entry: Entry) -> bool:
    """Whether the row tells of something that was refused or failed."""
    return event_of(entry.row.action).outcome != _SUCCESS


def message_of(entry: Entry, source_id: str) -> bytes:
    """Return the message of a row as UTF-8 XML without a declaration.

    Parameters
    ----------
    entry
        A row of the trail.
    source_id
        AuditSourceID: the host name of the exchange.
    """
    row, event = entry.row, event_of(entry.row.action)
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
    if event.id == _LOG_USED.id:
        _add_log(root, row.action, source_id)
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


def _add_log(root: ElementTree.Element, action: str, source_id: str) -> None:
    """Add the log that was read, as PS3.15 Table A.5.3.2-1 asks for."""
    path = "disclosures" if action.startswith("disclosures.") else "audit"
    item = ElementTree.SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=f"https://{source_id}/v1/{path}",
        ParticipantObjectTypeCode="2",
        ParticipantObjectTypeCodeRole="13",
    )
    _coded(item, "ParticipantObjectIDTypeCode", ("12", "URI"), system="RFC-3881")
    ElementTree.SubElement(item, "ParticipantObjectName").text = "Security Audit Log"


def _add_object(root: ElementTree.Element, entry: Entry) -> None:
    """Add what the row is about, with its details and its place in the chain."""
    row = entry.row
    kind = row.action.partition(".")[0]
    # Who read the trail is what such a row names.
    is_person = kind in {"account", "audit"}
    item = ElementTree.SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=row.subject or entry.organisation_id,
        ParticipantObjectTypeCode="1" if is_person else "2",
        ParticipantObjectTypeCodeRole="11" if is_person else "4",
    )
    _coded(item, "ParticipantObjectIDTypeCode", (kind, f"{kind} id"), system="99EMIX")
    ElementTree.SubElement(item, "ParticipantObjectName").text = entry.name_of(row.subject) or kind
    place = {"seq": row.seq, "hash": row.hash}
    for name, value in (*entry.detail.items(), *place.items()):
        text = value if isinstance(value, str) else json.dumps(value)
        encoded = base64.b64encode(text.encode()).decode()
        ElementTree.SubElement(item, "ParticipantObjectDetail", type=str(name), value=encoded)
