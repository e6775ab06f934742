"""An exchange over HTTP: the calls of `interface`, with retries where repeating is harmless."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from emixcli.errors import ExchangeServerError, NotFoundError
from emixcli.exchange import bodies
from emixcli.exchange.asking import HttpRequests
from emixcli.exchange.interface import (
    Account,
    AccountedPatient,
    Content,
    Login,
    Mailbox,
    Package,
    Part,
    PartBody,
    Receive,
    Seal,
    Sent,
    Share,
    ShareRequest,
    SignedPart,
)
from emixcli.exchange.paging import iter_items, page_query
from emixcli.exchange.retry import QUICK, STEADY, Patience, persist
from emixcli.exchange.transport import Body, Transport

if TYPE_CHECKING:
    from emixcli.guard.decision import Decision

T = TypeVar("T")
_PAGE = 100


class HttpExchange:
    """`interface.Exchange` over HTTP.

    Parameters
    ----------
    transport
        Connections to the exchange.
    token
        Of the account; "" before a login.
    quick, steady
        Patience with questions, and with moving bytes.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        token: str = "",
        quick: Patience = QUICK,
        steady: Patience = STEADY,
    ) -> None:
        self.transport = transport
        self._token = token
        self._quick = quick
        self._steady = steady

    @property
    def url(self) -> str:
        """The base address of the exchange."""
        return self.transport.base

    @property
    def requests(self) -> HttpRequests:
        """Requests for images."""
        return HttpRequests(self._ask, self.transport, self._token)

    def login(self, email: str, password: str) -> Login:
        """Return a fresh token."""
        # Not repeated after an answer: a wrong password would count twice.
        found = self.transport.json(
            "POST", "/v1/login", body={"email": email, "password": password}
        )
        return bodies.login(found)

    def logout(self) -> None:
        """Make the token worthless."""
        self._ask("POST", "/v1/logout", body={})

    def account(self) -> Account:
        """Return whose token this is."""
        found = self._ask("GET", "/v1/account")
        inner = found.get("account")
        return bodies.account(inner if isinstance(inner, dict) else found)

    def create_package(self, package_id: str, *, part_size: int, size_bound: int) -> Package:
        """Announce a package; the same id again returns the one that exists."""
        body = {
            "package_id": package_id,
            "part_size": part_size,
            "size_bound": size_bound,
        }
        return bodies.package(self._ask("POST", "/v1/packages", body=body))

    def iter_packages(self) -> Iterator[Package]:
        """Yield the packages of the account, newest first."""

        def fetch(cursor: str) -> dict[str, Any]:
            return self._ask("GET", "/v1/packages" + page_query(limit=_PAGE, cursor=cursor))

        yield from map(bodies.package, iter_items(fetch, "packages"))

    def package(self, package_id: str) -> Package:
        """Return one package."""
        return bodies.package(self._ask("GET", _package(package_id)))

    def delete_package(self, package_id: str) -> None:
        """Revoke every share of a package and purge its bytes."""
        self._ask("DELETE", _package(package_id))

    def parts(self, package_id: str) -> list[Part]:
        """Return the parts that have arrived and are on disk."""
        return bodies.parts(self._ask("GET", _package(package_id) + "/parts"))

    def sign_parts(self, package_id: str, parts: Sequence[Part]) -> list[SignedPart]:
        """Return addresses for parts, at most 64 of them."""
        body = {"parts": [_part_body(part) for part in parts]}
        found = bodies.signed_parts(
            self.transport.json(
                "POST",
                _package(package_id) + "/parts:sign",
                body=body,
                token=self._token,
            )
        )
        if [p.number for p in found] != [p.number for p in parts]:
            raise bodies.not_understood()
        return found

    def put_part(self, signed: SignedPart, body: PartBody, *, sent: Sent) -> None:
        """Send one part; no retry here, since an address may be too old for a second try."""
        self.transport.put(signed.method, signed.url, Body(body, sent), signed.headers)

    def seal(self, package_id: str, seal: Seal) -> Package:
        """Close a package; once sealed its bytes never change."""
        body: dict[str, Any] = {
            "size": seal.size,
            "parts": [{**_part_body(part.signed), "sha256": part.sha256} for part in seal.parts],
            "slots": {"offset": seal.slots_offset, "length": seal.slots_length},
        }
        if seal.sha256:
            body["sha256"] = seal.sha256
        path = _package(package_id) + ":seal"
        return bodies.package(self._ask("POST", path, body=body, steady=True))

    def note_patients(self, package_id: str, patients: Sequence[AccountedPatient]) -> None:
        """Note whose images an own package holds, for the accounting of disclosures."""
        body = {"patients": [{"ref": one.ref, "sealed": one.sealed} for one in patients]}
        self._ask("PUT", _package(package_id) + "/patients", body=body)

    def content(self, package_id: str) -> Content:
        """Return where the bytes of an own package are."""
        found = self.package(package_id)
        return Content(found.package_id, found.size, _package(package_id) + "/content", self._token)

    def read(self, content: Content, start: int, stop: int, receive: Receive) -> None:
        """Hand the bytes from `start` up to `stop` to `receive`, going on after cuts."""
        read_range(self.transport, content, (start, stop), receive, self._steady)

    def judge(self, typed: Sequence[tuple[str, str]]) -> list[Decision]:
        """Return what would become of shares with addresses, each with its second typing."""
        found: list[Decision] = []
        for start in range(0, len(typed), _PAGE):
            some = typed[start : start + _PAGE]
            body = {
                "recipients": [{"email": email, "confirm_email": again} for email, again in some]
            }
            judged = bodies.decisions(self._ask("POST", "/v1/contacts:check", body=body))
            if len(judged) != len(some):
                raise bodies.not_understood()
            found += judged
        return found

    def published_key(self, email: str) -> str | None:
        """Return the public key file that the owner of an address has published, if any."""
        try:
            return bodies.public_key(self._ask("POST", "/v1/keys:find", body={"email": email}))
        except NotFoundError:
            return None

    def create_share(self, package_id: str, request: ShareRequest) -> Share:
        """Give a recipient the package."""
        body: dict[str, Any] = {
            "recipient": {"email": request.email},
            "purpose": request.purpose,
            "hold_s": request.hold_s,
            "slot": dict(request.slot),
        }
        if request.auth:
            body["auth"] = request.auth
        if request.max_opens is not None:
            body["max_opens"] = request.max_opens
        if request.expires_s is not None:
            body["expires_s"] = request.expires_s
        if request.urgent:
            body["urgent"] = True
        if request.request_id:
            body["request_id"] = request.request_id
        if request.confirm_email:
            body["confirm_email"] = request.confirm_email
        headers = {"Idempotency-Key": request.idempotency_key}
        path = _package(package_id) + "/shares"
        return bodies.share(self._ask("POST", path, body=body, headers=headers))

    def share(self, share_id: str) -> Share:
        """Return one share."""
        return bodies.share(self._ask("GET", _share(share_id)))

    def certificate(self, share_id: str) -> dict[str, Any]:
        """Return what the exchange certifies of a share that nobody has opened."""
        return self._ask("GET", f"{_share(share_id)}/certificate")

    def act_on_share(self, share_id: str, action: str) -> Share:
        """Do `recall`, `revoke` or `resend`."""
        found = self._ask("POST", f"{_share(share_id)}:{action}", body={})
        return bodies.share(found) if "share_id" in found else self.share(share_id)

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a question that may be asked again."""
        return self._ask(method, path, body=body)

    def ask_once(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return the answer to what is never repeated by itself."""
        return self.transport.json(method, path, body=body, token=self._token)

    def _ask(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        steady: bool = False,
    ) -> dict[str, Any]:
        """Ask once more after a transient error: every call that comes here may be repeated."""
        return persist(
            lambda: self.transport.json(
                method, path, body=body, raw=raw, headers=headers, token=self._token
            ),
            self._steady if steady else self._quick,
        )


class HttpMailroom:
    """`interface.Mailroom` over HTTP."""

    def __init__(
        self,
        transport: Transport,
        token: str,
        *,
        quick: Patience = QUICK,
        steady: Patience = STEADY,
    ) -> None:
        self.transport = transport
        self._path = f"/r/{quote(token, safe='')}"
        self._quick = quick
        self._steady = steady

    def request_code(self) -> None:
        """Ask for a one-time code to the mailbox; says nothing about whether the link is good."""
        self._retry(lambda: self.transport.json("POST", f"{self._path}/otp", body={}))

    def verify_code(self, code: str) -> Mailbox:
        """Prove the mailbox by its one-time code."""
        # Never repeated: a try counts even when its answer is lost.
        return bodies.mailbox(
            self.transport.json("POST", f"{self._path}/otp:verify", body={"code": code})
        )

    def open(self, session: str, proof: str) -> Content:
        """Prove the access code and get the wrapped key."""
        return bodies.opened(
            self.transport.json(
                "POST", f"{self._path}/open", body={"session": session, "proof": proof}
            )
        )

    def read(self, content: Content, start: int, stop: int, receive: Receive) -> None:
        """Hand the bytes from `start` up to `stop` to `receive`, going on after cuts."""
        read_range(self.transport, content, (start, stop), receive, self._steady)

    def _retry(self, work: Callable[[], T]) -> T:
        return persist(work, self._quick)


def read_range(
    transport: Transport,
    content: Content,
    span: tuple[int, int],
    receive: Receive,
    patience: Patience,
) -> None:
    """Hand a range to `receive`; after a cut, ask for the rest of it."""
    at, stop = span
    if not 0 <= at < stop <= content.size:
        raise ExchangeServerError("a range lies outside the package")

    def take(piece: bytes) -> None:
        nonlocal at
        at += len(piece)
        receive(piece)

    def rest() -> None:
        if at < stop:
            transport.get_range(content.url, (at, stop), take, token=content.token)

    persist(rest, patience)


def note_arrival(transport: Transport, content: Content) -> None:
    """Let the exchange know that the whole package has reached its recipient.

    It counts the end of the copy as that, which is read here: ranges of the content, which a viewer
    reads as well, tell nothing.
    """
    answer = transport.json(
        "POST", f"{_package(content.package_id)}/copy:ticket", body={}, token=content.token
    )
    copy = replace(content, url=bodies.copy_url(answer), token="")
    read_range(transport, copy, (content.size - 1, content.size), lambda _piece: None, QUICK)


def _part_body(part: Part) -> dict[str, Any]:
    digest = {"md5": part.md5} if part.md5 else {"sha256": part.sha256}
    return {"number": part.number, "size": part.size, **digest}


def _package(package_id: str) -> str:
    return f"/v1/packages/{quote(package_id, safe='')}"


def _share(share_id: str) -> str:
    return f"/v1/shares/{quote(share_id, safe='')}"
