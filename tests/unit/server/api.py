"""Small clients: one for HTTP, one for a person with an account, one for a recipient."""

from __future__ import annotations

import base64
import email
import hashlib
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path
from typing import Any, Self

import requests

from emixcli.server.vault import new_id

AUTH = bytes(range(32))
WRONG = bytes(32)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_slot(seed: int = 1) -> dict[str, Any]:
    kdf = {"name": "argon2id", "salt": b64(bytes([seed]) * 16), "m": 65536, "t": 3, "p": 1}
    slot = {"kind": "code", "v": 1, "kdf": kdf, "nonce": b64(bytes([seed]) * 12)}
    return {**slot, "wrapped": b64(bytes([seed]) * 48)}


class Api:
    """Plain HTTP to one exchange."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        url = path if path.startswith("http") else self.url + path
        return self.session.request(method, url, json=body, timeout=30, **options)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        return self.call("POST", path, body, **options)

    def ok(self, method: str, path: str, body: Any = None, **options: Any) -> dict[str, Any]:
        """The JSON of an answer that must be good."""
        response = self.call(method, path, body, **options)
        assert response.ok, (response.status_code, response.text)
        document: dict[str, Any] = response.json()
        return document

    def login(self, address: str, password: str) -> Person:
        answer = self.ok("POST", "/v1/login", {"email": address, "password": password})
        return Person(self.url, answer["token"])


class Person(Api):
    """Somebody with an account."""

    def announce(self, size: int, part_size: int = 1024) -> str:
        package_id = new_id()
        body = {"package_id": package_id, "part_size": part_size, "size_bound": size}
        self.ok("POST", "/v1/packages", body)
        return package_id

    def sign(self, package_id: str, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        wanted = [{key: part[key] for key in ("number", "size", "md5")} for part in parts]
        answer = self.ok("POST", f"/v1/packages/{package_id}/parts:sign", {"parts": wanted})
        signed: list[dict[str, Any]] = answer["parts"]
        return signed

    def put(self, signed: dict[str, Any], data: bytes) -> requests.Response:
        headers = dict(signed["headers"])
        return requests.put(signed["url"], data=data, headers=headers, timeout=30)

    def send_parts(self, package_id: str, content: bytes, part_size: int = 1024) -> list[Any]:
        parts = split(content, part_size)
        for start in range(0, len(parts), 64):
            for signed in self.sign(package_id, parts[start : start + 64]):
                at = (signed["number"] - 1) * part_size
                assert self.put(signed, content[at : at + part_size]).status_code == 200
        return parts

    def seal(self, package_id: str, parts: list[Any], **changes: Any) -> requests.Response:
        size = sum(part["size"] for part in parts)
        body = {"size": size, "parts": parts, "slots": {"offset": 100, "length": 1024}}
        return self.post(f"/v1/packages/{package_id}:seal", {**body, **changes})

    def upload(self, content: bytes, part_size: int = 1024) -> str:
        """A sealed package."""
        package_id = self.announce(len(content), part_size)
        parts = self.send_parts(package_id, content, part_size)
        response = self.seal(package_id, parts)
        assert response.status_code == 200, response.text
        return package_id

    def share(self, package_id: str, address: str = "dr@c.example", **changes: Any) -> Any:
        body = share_body(address, **changes)
        return self.ok("POST", f"/v1/packages/{package_id}/shares", body)


def share_body(address: str = "dr@c.example", **changes: Any) -> dict[str, Any]:
    body = {"recipient": {"email": address}, "confirm_email": address, "purpose": "treatment"}
    return {**body, "hold_s": 0, "slot": make_slot(), "auth": b64(AUTH), **changes}


def split(content: bytes, part_size: int) -> list[dict[str, Any]]:
    """The parts of a content, as the API names them."""
    pieces = [content[at : at + part_size] for at in range(0, len(content), part_size)]
    return [
        {
            "number": number,
            "size": len(piece),
            "md5": hashlib.md5(piece, usedforsecurity=False).hexdigest(),
            "sha256": hashlib.sha256(piece).hexdigest(),
        }
        for number, piece in enumerate(pieces, 1)
    ]


def make_content(size: int = 5000) -> bytes:
    return os.urandom(size)


def wait_for(condition: Callable[[], Any], seconds: float = 20) -> Any:
    """Poll until the background work has brought something about."""
    end = time.monotonic() + seconds
    for pause in itertools.chain([0.01, 0.02], itertools.repeat(0.05)):
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(pause)
    return None


def iter_mails(data: Path) -> Iterator[Message]:
    """All mails that were written, oldest first."""
    for path in sorted((data / "mail").glob("*.eml"), key=lambda p: p.stat().st_mtime_ns):
        yield email.message_from_bytes(path.read_bytes())


class Recipient(Api):
    """Somebody with a mailbox and no account."""

    def __init__(self, url: str, link: str, data: Path) -> None:
        super().__init__(url)
        self.path = link.removeprefix(url)
        self.data = data

    def codes(self) -> list[str]:
        """All codes mailed so far."""
        found = []
        for mail in iter_mails(self.data):
            if mail["X-Emix-Kind"] == "otp":
                body = mail.get_payload(decode=True)
                assert isinstance(body, bytes)
                match = re.search(rb"^(\d{6})\r?$", body, re.MULTILINE)
                assert match
                found.append(match[1].decode())
        return found

    def ask(self) -> str:
        """The code of a new mail."""
        n = len(self.codes())
        assert self.post(f"{self.path}/otp", {}).status_code == 202
        return str(wait_for(lambda: self.codes()[n:])[0])

    def verify(self) -> dict[str, Any]:
        return self.ok("POST", f"{self.path}/otp:verify", {"code": self.ask()})

    def open(self, session: str, proof: bytes = AUTH) -> requests.Response:
        return self.post(f"{self.path}/open", {"session": session, "proof": b64(proof)})
