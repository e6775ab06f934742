"""What every request passes: the log, the host check, size limits, security headers.

Plain ASGI, so that streams are never buffered. The log holds method, route template, status, bytes
and time; never a path, query, header or address, since links and tickets are secrets.
"""

from __future__ import annotations

import logging
import re
import time
import traceback
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emixcli.container.sealed_request import MAX_SEALED
from emixcli.errors import ExchangeServerError, UsageError
from emixcli.server.api.deps import Site
from emixcli.server.problems import body_of, status_of

_LOG = logging.getLogger("emix.exchange.access")
_ERRORS = logging.getLogger("emix.exchange.error")
MAX_BODY = 1 << 20
_STREAMED = "/store/"
#: Sealed requests for images, read only after their sender is known.
_SEALED = re.compile(r"/v1/requests|/q/[^/]+/request")
_ANY_HOST = frozenset({"/healthz", "/readyz", "/metrics"})
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_HSTS = "max-age=31536000"


class Misdirected(UsageError):  # noqa: N818 - the name RFC 9110 gives to 421
    """The request names a host that this exchange does not serve."""

    status = 421


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site
        self._secure = site.base_url.startswith("https://") and not site.is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(self._secure, send)
        try:
            await self._pass(scope, receive, exchange)
        except ConnectionAbortedError:
            # A download whose permission ended: the server cuts an answer that is incomplete.
            exchange.status = 499
        except Exception as exc:  # noqa: BLE001 - nothing about a failure may reach a client
            frames = "".join(traceback.format_tb(exc.__traceback__))
            _ERRORS.error("%s failed: %s\n%s", _route(scope), type(exc).__name__, frames)
            exchange.status = 500
            if not exchange.started:
                error = ExchangeServerError("the exchange failed; its operator finds it in the log")
                response = JSONResponse(body_of(error), status_code=500)
                await response(scope, receive, exchange.send)
        finally:
            self._log(scope, exchange)

    async def _pass(self, scope: Scope, receive: Receive, exchange: _Exchange) -> None:
        if scope["path"] not in _ANY_HOST and _host(scope) not in self._site.hosts:
            error = Misdirected("this exchange does not serve that host name")
            response = JSONResponse(body_of(error), status_code=status_of(error))
            await response(scope, receive, exchange.send)
            return
        if scope["path"].startswith(_STREAMED):
            await self._app(scope, receive, exchange.send)
            return
        limit = MAX_SEALED if _SEALED.fullmatch(scope["path"]) else MAX_BODY
        await self._app(scope, _Limit(receive, limit).receive, exchange.send)

    def _log(self, scope: Scope, exchange: _Exchange) -> None:
        route, method = _route(scope), scope["method"]
        seconds = time.monotonic() - exchange.begun
        metrics = self._site.metrics
        known = method if method in {"GET", "HEAD", "POST", "PUT", "DELETE"} else "other"
        metrics.requests.labels(method=known, route=route, status=exchange.status).inc()
        metrics.seconds.labels(route=route).observe(seconds)
        _LOG.info(
            "%s %s %d %d bytes %d ms",
            known,
            route,
            exchange.status,
            exchange.n_bytes,
            seconds * 1000,
        )


class _Exchange:
    """Watches one answer and adds the headers."""

    def __init__(self, secure: bool, send: Send) -> None:  # noqa: FBT001 - private
        self._secure = secure
        self._send = send
        self.begun = time.monotonic()
        self.started = False
        self.status = 0
        self.n_bytes = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY.items():
                headers.setdefault(name, value)
            if self._secure:
                headers["Strict-Transport-Security"] = _HSTS
        elif message["type"] == "http.response.body":
            self.n_bytes += len(message.get("body", b""))
        await self._send(message)


class _Limit:
    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._n = 0

    async def receive(self) -> Message:
        message = await self._receive()
        self._n += len(message.get("body", b""))
        if self._n > self._limit:
            raise HTTPException(413, headers={"Connection": "close"})
        return message


def _host(scope: Scope) -> str:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    return hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""


def _route(scope: Scope) -> str:
    """The template of the path, which holds no token or id."""
    if scope["path"].startswith(_STREAMED):
        return "/store/{key}/{number}"
    route: Any = scope.get("route")
    return str(getattr(route, "path_format", "") or "unknown")
