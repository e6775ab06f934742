"""Requests for images over HTTP: readers' keys, invitations, asking and answering."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from emixcli.exchange import bodies
from emixcli.exchange.paging import iter_items, page_query
from emixcli.exchange.request_terms import Invitation, ReaderKey, Readers, RequestRecord

if TYPE_CHECKING:
    from emixcli.exchange.transport import Transport

#: Asks once more after a transient error: method, path, body.
Ask = Callable[..., dict[str, Any]]
Document = Mapping[str, Any]
_PAGE = 100


class HttpRequests:
    """What an account may do with requests for images; raises subclasses of `EmixError` only.

    Parameters
    ----------
    ask
        Of the exchange, with its retries.
    transport, token
        For what is not JSON.
    """

    def __init__(self, ask: Ask, transport: Transport, token: str) -> None:
        self._ask = ask
        self._transport = transport
        self._token = token

    def readers(self, organisation: str = "") -> Readers:
        """Return whom a request is sealed for; an empty name stands for one's own organisation."""
        query = f"?organisation={quote(organisation, safe='')}" if organisation else ""
        return _readers(self._ask("GET", f"/v1/request-keys{query}"))

    def publish_key(self, public_key: str) -> Readers:
        """Become a reader with this key, in place of an earlier one."""
        body = {"public_key": public_key}
        return _readers(self._ask("PUT", "/v1/request-keys", body=body))

    def withdraw_key(self, fingerprint: str) -> None:
        """Be no reader any more; an administrator can say so of a colleague."""
        self._ask("DELETE", f"/v1/request-keys/{quote(fingerprint, safe='')}")

    def invite(self, email: str, confirm_email: str) -> Invitation:
        """Mail somebody without an account a link to ask with."""
        # Not repeated: each answer that is lost would be a second mail.
        found = self._transport.json(
            "POST",
            "/v1/invitations",
            body={"email": email, "confirm_email": confirm_email},
            token=self._token,
        )
        return _invitation(found)

    def iter_invitations(self) -> Iterator[Invitation]:
        """Yield one's own invitations that have not ended, newest first."""

        def fetch(cursor: str) -> dict[str, Any]:
            return self._ask("GET", "/v1/invitations" + page_query(limit=_PAGE, cursor=cursor))

        yield from map(_invitation, iter_items(fetch, "invitations"))

    def uninvite(self, invitation_id: str) -> None:
        """End an invitation that was not used yet."""
        self._ask("DELETE", f"/v1/invitations/{quote(invitation_id, safe='')}")

    def create(self, sealed: bytes) -> RequestRecord:
        """Ask; the same bytes again make no second request."""
        return _record(self._ask("POST", "/v1/requests", raw=sealed))

    def iter_all(self, state: str = "") -> Iterator[RequestRecord]:
        """Yield the requests to one's organisation and one's own, newest first."""

        def fetch(cursor: str) -> dict[str, Any]:
            query = page_query(limit=_PAGE, state=state, cursor=cursor)
            return self._ask("GET", f"/v1/requests{query}")

        yield from map(_record, iter_items(fetch, "requests"))

    def get(self, request_id: str) -> RequestRecord:
        """Return one request."""
        return _record(self._ask("GET", _path(request_id)))

    def sealed(self, request_id: str) -> bytes:
        """Return what only its readers can open."""
        return self._transport.content(_path(request_id) + "/sealed", token=self._token)

    def approve(
        self, request_id: str, *, sha256: str, identity: str, authorisation: str
    ) -> RequestRecord:
        """Allow that the images be sent; `sha256` is of the sealed request that was looked at."""
        body = {
            "sha256": sha256,
            "identity_checked": identity,
            "authorisation_checked": authorisation,
        }
        return _record(self._ask("POST", _path(request_id) + ":approve", body=body))

    def decline(self, request_id: str, reason: str) -> RequestRecord:
        """End a request without images."""
        body = {"reason": reason}
        return _record(self._ask("POST", _path(request_id) + ":decline", body=body))


def _path(request_id: str) -> str:
    return f"/v1/requests/{quote(request_id, safe='')}"


def _readers(document: Document) -> Readers:
    keys = [
        ReaderKey(
            fingerprint=bodies.text(item, "fingerprint"),
            public_key=bodies.text(item, "public_key"),
            email=bodies.text(item, "email", ""),
        )
        for item in bodies.documents(document, "keys")
    ]
    return Readers(bodies.text(document, "organisation"), tuple(keys))


def _invitation(document: Document) -> Invitation:
    return Invitation(
        invitation_id=bodies.text(document, "invitation_id"),
        email=bodies.text(document, "email"),
        expires=bodies.text(document, "expires"),
        mail=bodies.text(document, "mail", ""),
        invited_by=bodies.text(document, "invited_by", ""),
        created=bodies.text(document, "created", ""),
        used=bodies.text(document, "used", ""),
    )


def _record(document: Document) -> RequestRecord:
    def text(name: str) -> str:
        return bodies.text(document, name, "")

    return RequestRecord(
        request_id=bodies.text(document, "request_id"),
        state=bodies.text(document, "state"),
        purpose=bodies.text(document, "purpose"),
        organisation=bodies.text(document, "organisation"),
        requester=bodies.text(document, "requester"),
        requester_organisation=text("requester_organisation"),
        is_received=document.get("is_received") is True,
        sha256=text("sha256"),
        created=text("created"),
        expires=text("expires"),
        decided=text("decided"),
        decided_by=text("decided_by"),
        identity_checked=text("identity_checked"),
        authorisation_checked=text("authorisation_checked"),
        declined_for=text("declined_for"),
        share_id=text("share_id"),
    )
