"""The form of DICOM audit messages, as PS3.15 section A.5.1 has it."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

#: PS3.15 section A.5.1: children in their order, and the attributes that each must or may have.
SCHEMA = {
    "AuditMessage": (
        (
            "EventIdentification ActiveParticipant+ AuditSourceIdentification"
            " ParticipantObjectIdentification*"
        ), "", "",
    ),
    "EventIdentification": (
        "EventID EventTypeCode* EventOutcomeDescription?",
        "EventDateTime EventOutcomeIndicator", "EventActionCode",
    ),
    "ActiveParticipant": (
        "RoleIDCode* MediaIdentifier?", "UserID UserIsRequestor",
        "AlternativeUserID UserName NetworkAccessPointID NetworkAccessPointTypeCode",
    ),
    "AuditSourceIdentification": (
        "AuditSourceTypeCode*", "AuditSourceID", "AuditEnterpriseSiteID",
    ),
    "ParticipantObjectIdentification": (
        (
            "ParticipantObjectIDTypeCode ParticipantObjectName ParticipantObjectDetail*"
            " ParticipantObjectDescription*"
        ), "ParticipantObjectID",
        (
            "ParticipantObjectTypeCode ParticipantObjectTypeCodeRole"
            " ParticipantObjectDataLifeCycle ParticipantObjectSensitivity"
        ),
    ),
    "ParticipantObjectName": ("", "", ""),
    "ParticipantObjectDetail": ("", "type value", ""),
    "AuditSourceTypeCode": ("", "csd-code", ""),
    **dict.fromkeys(
        ("EventID", "EventTypeCode", "RoleIDCode", "ParticipantObjectIDTypeCode"),
        ("", "csd-code codeSystemName originalText", "displayName"),
    ),
}  # fmt: skip


def check_message(text: bytes) -> ElementTree.Element:
    root = ElementTree.fromstring(text)  # noqa: S314 - our own output
    assert root.tag == "AuditMessage"
    for element in root.iter():
        children, must, may = SCHEMA[element.tag]
        order = "".join(f"(?:{name} )".replace("+ )", " )+").replace("* )", " )*")
                        .replace("? )", " )?") for name in children.split())  # fmt: skip
        assert re.fullmatch(order, "".join(f"{child.tag} " for child in element)), element.tag
        assert set(must.split()) <= set(element.keys()) <= {*must.split(), *may.split()}
    event = root[0]
    assert event.get("EventActionCode") in set("CRUDE")
    assert event.get("EventOutcomeIndicator") in {"0", "4", "8", "12"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(event.get("EventDateTime")))
    for detail in root.iter("ParticipantObjectDetail"):
        base64.b64decode(str(detail.get("value")), validate=True)
    return root
