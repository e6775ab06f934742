"""How requests for images are shown, and how a person says what was checked."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emixcli.exchange.request_terms import (
        AuthorisationCheck,
        IdentityCheck,
        Invitation,
        RequestRecord,
    )
    from emixcli.services.asked import Asked
    from emixcli.services.request import OpenedRequest

Word = TypeVar("Word", bound=StrEnum)
#: Typed by whoever approves, word for word.
SENTENCE = "I have checked who asks and that they may have these images"


def record_json(record: RequestRecord) -> dict[str, Any]:
    """Return what the exchange knows of a request; nothing in it is about a patient."""
    return {
        "request_id": record.request_id,
        "state": record.state,
        "purpose": record.purpose,
        "organisation": record.organisation,
        "requester": record.requester,
        "requester_organisation": record.requester_organisation or None,
        "is_received": record.is_received,
        "created": record.created or None,
        "expires": record.expires or None,
        "decided": record.decided or None,
        "decided_by": record.decided_by or None,
        "identity_checked": record.identity_checked or None,
        "authorisation_checked": record.authorisation_checked or None,
        "declined_for": record.declined_for or None,
        "share_id": record.share_id or None,
    }


def invitation_json(one: Invitation) -> dict[str, Any]:
    """Return what became of an invitation to ask for images."""
    return {
        "invitation_id": one.invitation_id,
        "recipient": one.email,
        "invited_by": one.invited_by or None,
        "mail": one.mail or None,
        "created": one.created or None,
        "used": one.used or None,
        "expires": one.expires,
    }


def show_invitation(one: Invitation, *, json: bool) -> None:
    """Show what became of an invitation, on standard output."""
    from emixcli.commands._exchange import NOT_SENT
    from emixcli.ui import output
    from emixcli.ui.times import time_text

    if json:
        output.write_json({"schema": "emix.request/1", **invitation_json(one)})
        return
    for name, value in (
        ("invitation", one.invitation_id),
        ("to", one.email),
        ("by", one.invited_by),
        ("mail", NOT_SENT.get(one.mail, one.mail)),
        ("used", time_text(one.used)),
        ("expires", time_text(one.expires)),
    ):
        if value:
            output.write_line(f"{name:<12}{value}")


def show_opened(opened: OpenedRequest) -> None:
    """Show all that a request says, on standard output."""
    from emixcli.ui import console, output

    for name, value in _lines(opened):
        if value:
            output.write_hanging(f"{name:<11}", value.replace("\n", " "))
    console.note("the exchange vouches for the mail address only; the rest is what somebody wrote")


def _lines(opened: OpenedRequest) -> Iterator[tuple[str, str]]:
    from emixcli.ui.times import time_text

    record, asked = opened.record, opened.asked
    yield "request", record.request_id
    yield "state", record.state
    yield "asked", time_text(record.created)
    yield "expires", time_text(record.expires)
    yield "of", record.organisation
    yield "by", ", ".join(filter(None, (asked.requester.name, asked.requester.organisation)))
    yield "mail", record.requester
    yield "account", record.requester_organisation
    yield "telephone", asked.requester.telephone
    yield "purpose", record.purpose
    yield from _what(asked)
    yield "reason", asked.reason
    yield "consent", asked.consent
    yield "form", f"{asked.form.type}, {len(opened.form)} bytes" if asked.form else "none"
    yield (
        "checked",
        ", ".join(filter(None, (record.identity_checked, record.authorisation_checked))),
    )
    yield "decided by", record.decided_by


def _what(asked: Asked) -> Iterator[tuple[str, str]]:
    patient, exam = asked.patient, asked.exam
    numbers = (
        f"{number.value} ({number.authority})" if number.authority else number.value
        for number in patient.ids
    )
    yield "patient", ", ".join(filter(None, (patient.name, patient.birth_date, patient.sex)))
    yield "number", ", ".join(numbers)
    days = " to ".join(dict.fromkeys(filter(None, (exam.first_day, exam.last_day))))
    yield "exam", ", ".join(filter(None, (exam.description, exam.modality, days)))
    yield "accession", exam.accession
    yield "study", exam.study_uid


def ask_checks(
    identity: str | None, authorisation: str | None, *, no_input: bool
) -> tuple[IdentityCheck, AuthorisationCheck]:
    """Return what was checked: as given, or asked of the person, who then types the sentence.

    Raises
    ------
    UsageError
        Not one of the words.
    DeclinedError
        Nobody can be asked, or the sentence was not typed.
    """
    from emixcli.exchange.request_terms import AuthorisationCheck, IdentityCheck
    from emixcli.ui import prompts

    is_given = identity is not None and authorisation is not None
    identity = identity or prompts.choose(
        "how was it made sure who asks?",
        [*IdentityCheck],
        option="--identity-checked HOW and --authorisation-checked HOW",
        no_input=no_input,
    )
    checked = _word(IdentityCheck, identity)
    authorisation = authorisation or prompts.choose(
        "what allows them to have the images?",
        [*AuthorisationCheck],
        option="--authorisation-checked HOW",
        no_input=no_input,
    )
    checks = checked, _word(AuthorisationCheck, authorisation)
    if not is_given:
        prompts.typed("approve this request?", SENTENCE, no_input=no_input)
    return checks


def _word(kind: type[Word], text: str) -> Word:
    from emixcli.errors import UsageError

    try:
        return kind(text.strip().lower())
    except ValueError as exc:
        raise UsageError(
            "this is not a way to check a request", hint=f"one of {', '.join(kind)}"
        ) from exc
