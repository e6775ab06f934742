"""HTTP as the client wants it: verified TLS, bounded answers, errors of our own."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator, Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

import emixcli
from emixcli.errors import (
    EmixError,
    ExchangeError,
    ExchangeServerError,
    ExchangeTimeoutError,
    ExchangeTlsError,
    UsageError,
)
from emixcli.exchange import address, faults
from emixcli.exchange.bodies import not_understood
from emixcli.urls import check_url, is_loopback

if TYPE_CHECKING:
    from emixcli.exchange.interface import PartBody, Receive, Sent

#: An answer that is not content is never larger than this; more is not an exchange.
_ANSWER_MAX = 16 << 20
_CONNECT_S, _READ_S = 20.0, 90.0


class Body:
    """A part sent in pieces, each reported when it has gone out.

    `requests` would hand a whole part to one `sendall`, whose time-out is for all of it: then a
    slow line fails although it moves.
    """

    def __init__(self, part: PartBody, sent: Sent) -> None:
        self._part = part
        self._sent = sent

    def __len__(self) -> int:
        return len(self._part)

    def __iter__(self) -> Iterator[memoryview]:
        for piece in self._part.pieces():
            yield piece
            self._sent(len(piece))


class _Bearer(requests.auth.AuthBase):
    """Our token or nothing; being set, it also keeps `requests` from reading ~/.netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Transport:
    """A connection pool to one exchange; safe to use from several threads."""

    def __init__(
        self, base: str, *, ca_file: Path | None = None, timeout_s: float | None = None
    ) -> None:
        self.base = check_url(base)
        self._timeout = (timeout_s or _CONNECT_S, timeout_s or _READ_S)
        self._verify: bool | str = True
        if ca_file is not None:
            self._verify = str(_readable(ca_file))
        self._local = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for session in self._sessions:
                session.close()
            self._sessions.clear()

    def json(
        self,
        method: str,
        url: str,
        *,
        body: Mapping[str, Any] | None = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        token: str = "",
    ) -> dict[str, Any]:
        """Return the JSON object that answers one request; {} for an empty answer.

        Parameters
        ----------
        body, raw
            What is sent: JSON, or bytes as they are.
        """
        data = raw if body is None else json.dumps(body).encode()
        sent = {"Accept": "application/json", **(headers or {})}
        if data is not None:
            is_json = body is not None
            sent["Content-Type"] = "application/json" if is_json else "application/octet-stream"
        with self._send(method, url, data=data, headers=sent, token=token) as response:
            return _document(_bounded(response))

    def content(self, url: str, *, token: str = "") -> bytes:
        """Return an answer of a few megabytes as it is."""
        with self._send("GET", url, token=token) as response:
            return _bounded(response)

    def put(
        self, method: str, url: str, body: Body, headers: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Send a body to a signed address and return the headers of the answer."""
        with self._send(method, url, data=body, headers=headers) as response:
            _bounded(response)
            return response.headers

    def get_range(
        self, url: str, span: tuple[int, int], receive: Receive, *, token: str = ""
    ) -> None:
        """Hand the bytes of a range to `receive` as they come (RFC 9110 section 14).

        Raises
        ------
        ExchangeError
            The answer ended early; what has come was handed over.
        """
        start, stop = span
        headers = {"Range": f"bytes={start}-{stop - 1}", "Accept-Encoding": "identity"}
        with self._send("GET", url, headers=headers, token=token) as response:
            if response.is_redirect:
                target = address.resolve(url, response.headers["location"])
                keep = token if address.same_origin(url, target) else ""
                response.close()
                with self._send("GET", target, headers=headers, token=keep) as moved:
                    _receive_range(moved, start, stop, receive)
                return
            _receive_range(response, start, stop, receive)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.headers["User-Agent"] = f"emix/{emixcli.__version__}"
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            # A proxy for the outside must not be asked for this machine itself.
            session.trust_env = not is_loopback(urlsplit(self.base).hostname or "")
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(pool_maxsize=2, max_retries=0))
            self._local.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _send(  # one place for every request
        self,
        method: str,
        url: str,
        *,
        data: bytes | Body | None = None,
        headers: Mapping[str, str] | None = None,
        token: str = "",
    ) -> requests.Response:
        target = address.resolve(self.base, url)
        try:
            response = self._session().request(
                method,
                target,
                data=data,  # type: ignore[arg-type]  # an iterable with a length is allowed
                headers=dict(headers or {}),
                auth=_Bearer(token),
                timeout=self._timeout,
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            )
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as exc:
            raise translate(exc) from exc
        if response.status_code >= 400:
            with response:
                raise faults.from_answer(response.status_code, _bounded(response), response.headers)
        return response


def translate(error: Exception) -> EmixError:
    """Return our error for one of the HTTP library, without its text (which holds addresses)."""
    chain = list(_chain(error))
    if any(isinstance(item, ssl.SSLCertVerificationError) for item in chain):
        return ExchangeTlsError(
            "the certificate of the exchange is not trusted",
            hint="check the address; for a private authority give its certificate: --ca-file FILE",
        )
    # urllib3 derives its "connection refused" from its time-out.
    refused = any(isinstance(item, urllib3.exceptions.NewConnectionError) for item in chain)
    late = (TimeoutError, requests.Timeout, urllib3.exceptions.TimeoutError)
    if not refused and any(isinstance(item, late) for item in chain):
        return ExchangeTimeoutError(
            "the exchange did not answer in time",
            hint="try again; `emix doctor` checks the connection",
        )
    wrong = "wrong version number"
    if any(isinstance(item, ssl.SSLError) and wrong in str(item).lower() for item in chain):
        return ExchangeTlsError(
            "the exchange does not speak TLS at this address",
            hint="check the address and port of the exchange",
        )
    return ExchangeError(
        "the exchange cannot be reached or the connection was cut",
        hint="check the network and the address; `emix doctor` checks the connection",
    )


def _chain(error: object) -> Iterator[object]:
    """Yield an exception and all that it wraps, in whichever way the libraries do that."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        item = todo.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        todo += [
            *item.args,
            getattr(item, "reason", None),
            item.__cause__,
            item.__context__,
        ]


def _bounded(response: requests.Response) -> bytes:
    try:
        found: bytes = response.raw.read(_ANSWER_MAX + 1, decode_content=True)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
        raise translate(exc) from exc
    if len(found) > _ANSWER_MAX:
        raise not_understood()
    return found


def _document(data: bytes) -> dict[str, Any]:
    if not data.strip():
        return {}
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as exc:
        raise not_understood() from exc
    if not isinstance(document, dict):
        raise not_understood()
    return document


def _receive_range(response: requests.Response, start: int, stop: int, receive: Receive) -> None:
    expected = f"bytes {start}-{stop - 1}/"
    whole = response.status_code == 200 and start == 0
    partial = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
        expected
    )
    if not whole and not partial:
        raise ExchangeServerError(
            "the exchange did not send the range that was asked for", hint="try again"
        )
    left = stop - start
    try:
        while left > 0:
            piece = response.raw.read(min(1 << 20, left))
            if not piece:
                break
            left -= len(piece)
            receive(piece)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
        raise translate(exc) from exc
    if left:
        raise ExchangeError("the connection was cut", hint="run the same command again")


def _readable(ca_file: Path) -> Path:
    try:
        ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as exc:
        raise UsageError(
            "the file of certificate authorities cannot be read",
            hint="--ca-file wants certificates in PEM form",
        ) from exc
    return ca_file
