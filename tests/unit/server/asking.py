"""What tests of requests for images share: readers, sealed requests, the invited."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import requests

from emixcli.container.identity import Identity, PublicIdentity, new_identity
from emixcli.container.sealed_request import seal
from tests.unit.server.api import Api, Person, iter_mails, wait_for

FORM = b"%PDF-1.7 a signed form"
CHECKED = {"identity_checked": "called-back", "authorisation_checked": "signed-form"}
DOCUMENT = {"v": 1, "patient": {"name": "CANARY^REQUEST"}}


def publish(person: Person) -> Identity:
    """Make somebody a reader of requests to their organisation."""
    identity = new_identity()
    text = identity.public.to_json().decode()
    person.ok("PUT", "/v1/request-keys", {"public_key": text})
    return identity


def sealed_for(
    keys: list[dict[str, Any]],
    *,
    to: str = "Hospital A",
    purpose: str = "treatment",
    form: bytes = FORM,
) -> bytes:
    readers = [PublicIdentity.from_json(key["public_key"].encode()) for key in keys]
    return seal(DOCUMENT, form, to=to, purpose=purpose, readers=readers)


def keys_of(person: Person, organisation: str) -> list[dict[str, Any]]:
    answer = person.ok("GET", "/v1/request-keys", params={"organisation": organisation})
    keys: list[dict[str, Any]] = answer["keys"]
    return keys


def post(client: Api, path: str, data: bytes, token: str = "") -> requests.Response:
    """Send bytes as they are."""
    headers = {"Content-Type": "application/octet-stream"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return client.session.post(client.url + path, data=data, headers=headers, timeout=30)


def ask(person: Person, organisation: str = "Hospital A", **changes: Any) -> dict[str, Any]:
    """A new request of an account."""
    data = sealed_for(keys_of(person, organisation), to=organisation, **changes)
    response = post(person, "/v1/requests", data)
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    assert made["sha256"] == hashlib.sha256(data).hexdigest()
    return made


def looked_at(person: Person, request_id: str) -> dict[str, Any]:
    """What an approval says, by somebody who has fetched the request."""
    sealed = person.get(f"/v1/requests/{request_id}/sealed")
    assert sealed.status_code == 200
    return {"sha256": hashlib.sha256(sealed.content).hexdigest(), **CHECKED}


class Invited(Api):
    """Somebody with a link to ask for images, and the mailbox that it was sent to."""

    def __init__(self, url: str, data: Path) -> None:
        super().__init__(url)
        self.data = data
        body = wait_for(lambda: self._mails("request-invite"))[-1]
        match = re.search(r"https?://\S+(/q/\S+)", body)
        assert match
        self.path = match[1]

    def _mails(self, kind: str) -> list[str]:
        bodies = [
            mail.get_payload(decode=True)
            for mail in iter_mails(self.data)
            if mail["X-Emix-Kind"] == kind
        ]
        return [body.decode() for body in bodies if isinstance(body, bytes)]

    def code(self) -> str:
        """The code of a new mail."""
        n = len(self._mails("request-otp"))
        assert self.post(f"{self.path}/otp", {}).status_code == 202
        body = wait_for(lambda: self._mails("request-otp")[n:])[0]
        match = re.search(r"^(\d{6})\r?$", body, re.MULTILINE)
        assert match
        return match[1]

    def verify(self) -> dict[str, Any]:
        return self.ok("POST", f"{self.path}/otp:verify", {"code": self.code()})

    def send(self, session: str, data: bytes) -> requests.Response:
        return post(self, f"{self.path}/request", data, session)
