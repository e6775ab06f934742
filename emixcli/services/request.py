"""Requests for images: sealed before they leave, and opened by their readers alone."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from emixcli.container.identity import Identity, PublicIdentity
from emixcli.container.sealed_request import MAX_FORM, form_type, open_sealed, read_header, seal
from emixcli.errors import (
    GoneError,
    NoMatchingKeyError,
    NotFoundError,
    PackageDamagedError,
    PackageVersionError,
    UsageError,
)
from emixcli.mailaddress import address_key
from emixcli.services.asked import Asked, Form, asked_of

if TYPE_CHECKING:
    from emixcli.exchange.asking import HttpRequests
    from emixcli.exchange.request_terms import Invitation, Readers, RequestRecord

#: A request is not of this machine, or not as it should be, or over since it was listed.
_NOT_TO_BE_HAD = (
    NoMatchingKeyError, PackageDamagedError, PackageVersionError, NotFoundError, GoneError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenedRequest:
    """A request that was opened here: what the exchange says of it, and what it says itself."""

    record: RequestRecord
    asked: Asked
    form: bytes
    #: Of the sealed bytes that were opened here.
    sha256: str
    #: Of the keys that it is sealed for.
    fingerprints: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A request that is ready to go, what it says, and the readers that it is sealed for."""

    data: bytes = field(repr=False)
    asked: Asked = field(repr=False)
    fingerprints: Sequence[str]

    @property
    def organisation(self) -> str:
        """The one that is asked."""
        return self.asked.organisation


def find_open(requests: HttpRequests, email: str) -> Invitation | None:
    """Return the invitation by which somebody can ask and has not yet; None where none arrived."""
    key = address_key(email)
    for one in requests.iter_invitations():
        if address_key(one.email) == key and not one.used and one.mail in {"queued", "sent"}:
            return one
    return None


def find_asked(requests: HttpRequests, sealed: Sealed, identity: Identity) -> RequestRecord | None:
    """Return the request that asks the same readers for the same and is not over, if there is one.

    Only one that the keys of this machine open can be found.
    """
    readers = _fingerprints_of(sealed.data)
    for record in itertools.chain(requests.iter_all("open"), requests.iter_all("approved")):
        if not _is_own(record, sealed):
            continue
        try:
            opened = open_request(requests, record.request_id, identity)
        except _NOT_TO_BE_HAD:
            continue
        is_same = replace(opened.asked, made="") == replace(sealed.asked, made="")
        if is_same and opened.fingerprints == readers:
            return record
    return None


def _is_own(record: RequestRecord, sealed: Sealed) -> bool:
    """Whether the exchange tells a request and one that is ready to go apart."""
    return (
        address_key(record.requester) == address_key(sealed.asked.requester.email)
        and record.organisation == sealed.organisation
        and record.purpose == sealed.asked.purpose
    )


def _fingerprints_of(data: bytes) -> frozenset[str]:
    return frozenset(str(slot.get("fingerprint")) for slot in read_header(data).slots)


def read_form(path: Path) -> bytes:
    """Return a signed form.

    Raises
    ------
    UsageError
        It cannot be read, is too large, or is not PDF, JPEG or PNG by its content.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FORM + 1)
    except OSError as exc:
        raise UsageError("the form cannot be read", hint="check the file name") from exc
    form_type(data)
    return data


def seal_asked(
    asked: Asked, form: bytes, readers: Readers, *, identity: Identity, only: Sequence[str] = ()
) -> Sealed:
    """Return the request, sealed for the readers of the organisation and for oneself.

    Parameters
    ----------
    only
        Fingerprints: no other reader gets it. All of them must be readers.

    Raises
    ------
    NoMatchingKeyError
        Nobody reads requests there, a key is no key, or one of `only` is not among them.
    UsageError
    """
    found = {}
    for key in readers.keys:
        public = PublicIdentity.from_json(key.public_key.encode())
        found[public.fingerprint] = public
    wanted = {text.replace(" ", "").lower() for text in only}
    if not wanted <= found.keys():
        raise NoMatchingKeyError(
            "a key that was given is not one of the readers there",
            hint="compare it by telephone; emix request create --dry-run shows the readers",
        )
    chosen = [public for name, public in found.items() if not wanted or name in wanted]
    if not chosen:
        raise NoMatchingKeyError(
            "nobody of this organisation can open requests yet", hint="emix request key publish"
        )
    named = [public.fingerprint for public in chosen]
    if identity.fingerprint() not in found:
        chosen.append(identity.public)
    made = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    attached = Form(form_type(form), hashlib.sha256(form).hexdigest()) if form else None
    asked = replace(asked, organisation=readers.organisation, form=attached, made=made)
    data = seal(
        asked.document(), form, to=asked.organisation, purpose=asked.purpose, readers=chosen
    )
    return Sealed(data, asked, named)


def open_request(requests: HttpRequests, request_id: str, identity: Identity) -> OpenedRequest:
    """Return a request, opened with the keys of this machine.

    Raises
    ------
    NoMatchingKeyError
        It was not sealed for them.
    PackageDamagedError
        It was changed, or says something else than the exchange does.
    """
    record = requests.get(request_id)
    data = requests.sealed(request_id)
    document, form = open_sealed(data, identity)
    asked = asked_of(document)
    digest = hashlib.sha256(data).hexdigest()
    same = (
        address_key(asked.requester.email) == address_key(record.requester)
        and asked.purpose == record.purpose
        and asked.organisation == record.organisation
        and record.sha256 in {"", digest}
    )
    if not same:
        raise PackageDamagedError(
            "the request says something else than the exchange does",
            hint="tell the operator of the exchange; do not answer it",
        )
    wanted = asked.form.sha256 if asked.form else hashlib.sha256(b"").hexdigest()
    if hashlib.sha256(form).hexdigest() != wanted or (form and not _is_form(form)):
        raise PackageDamagedError("the form of the request is damaged or of another kind")
    return OpenedRequest(record, asked, form, digest, _fingerprints_of(data))


def _is_form(form: bytes) -> bool:
    try:
        form_type(form)
    except UsageError:
        return False
    return True
