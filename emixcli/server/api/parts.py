"""Takes the parts of uploads: a plain ASGI endpoint behind signed URLs.

A thread receives, hashes and writes a part while the event loop only waits (`protocol.Wire`). With
TLS the bytes come by the event loop and go to a thread in batches of 1 MiB. What is answered for
is whole and checked; `localparts` brings it to the disk behind the answer, and the seal waits for
that.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from emixcli.errors import EmixError, ForbiddenError, GoneError, UploadInterruptedError, UsageError
from emixcli.server.api.deps import Site
from emixcli.server.localparts import PartSink
from emixcli.server.localstore import LocalStore, digest_header
from emixcli.server.problems import NoRoomError, RequestError, body_of, status_of
from emixcli.server.protocol import Wire, WireClosedError, find_wire, in_thread
from emixcli.server.store import Part

_BATCH = 1 << 20
_READ_AWAY = 16 << 20
_READ_AWAY_S = 5
_LOG = logging.getLogger("emix.exchange.parts")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class PartEndpoint:
    """`PUT /store/KEY/NUMBER?size&sha256&expires&signature`, or with `md5`."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Store one part, or say why not."""
        request = Request(scope, receive)
        site: Site = scope["app"].state.site
        response: Response
        try:
            await _take(site, request)
            response = Response(status_code=200, headers={"Content-Length": "0"})
        except EmixError as exc:
            await _read_away(request)
            # What is left of the body is not read: the connection cannot be used again.
            headers = {"Connection": "close"}
            response = JSONResponse(body_of(exc), status_code=status_of(exc), headers=headers)
        await response(scope, receive, send)


async def _take(site: Site, request: Request) -> None:
    store = site.exchange.store
    if not isinstance(store, LocalStore):
        message = "parts go to the store, not here"
        raise GoneError(message)
    key = str(request.path_params["key"])
    part = _check(store, key, request)
    if await in_thread(store.has_part, key, part):
        async for _batch in _batches(site, request, part):
            pass
        return
    try:
        sink = await in_thread(store.open_part, key, part)
    except FileNotFoundError as exc:
        message = "this upload has ended"
        raise GoneError(message) from exc
    except OSError as exc:
        raise _disk_error(exc) from exc
    await _write(site, request, part, sink)


def _check(store: LocalStore, key: str, request: Request) -> Part:
    query = {name: values[0] for name, values in parse_qs(request.url.query).items()}
    message = "the URL of this part is not valid, or no longer"
    try:
        number = int(request.path_params["number"])
        digest = query["md5"] if "md5" in query else query["sha256"]
        part = Part(number, int(query["size"]), digest)
        expires_ms, signature = int(query["expires"]), query["signature"]
        wanted = digest_header(part)
    except (KeyError, ValueError) as exc:
        raise ForbiddenError(message, hint="have the part signed again") from exc
    if not store.check_signature(key, part, expires_ms, signature) or any(
        request.headers.get(name) != value for name, value in wanted.items()
    ):
        raise ForbiddenError(message, hint="have the part signed again")
    if request.headers.get("content-length") != str(part.size):
        message = "Content-Length must be the size that was signed"
        raise ForbiddenError(message, hint="have the part signed again")
    return part


async def _write(site: Site, request: Request, part: Part, sink: PartSink) -> None:
    try:
        wire = find_wire(request.scope)
        if wire is not None and wire.is_direct:
            await _receive(site, request, part, sink, wire=wire)
        else:
            async for batch in _batches(site, request, part):
                await in_thread(sink.write_all, batch)
        good = await in_thread(sink.finish)
    except FileNotFoundError as exc:
        message = "this upload has ended"
        raise GoneError(message) from exc
    except OSError as exc:
        raise _disk_error(exc) from exc
    finally:
        sink.abort()
    if not good:
        message = "the bytes of this part do not match its digest"
        raise UsageError(message, hint="send the part again")


async def _receive(site: Site, request: Request, part: Part, sink: PartSink, *, wire: Wire) -> None:
    """The body from the socket to the file; after a failure the rest of it is read and dropped."""
    failure: list[OSError] = []
    too_much = part.size

    def take(data: memoryview) -> None:
        nonlocal too_much
        too_much -= len(data)
        if failure:
            return
        try:
            sink.write(data)
        except OSError as exc:
            failure.append(exc)

    request.state.body_read = True
    try:
        await wire.receive(part.size, take, idle_s=site.limits.body_idle_s)
    except WireClosedError as exc:
        text = "the connection was cut"
        raise UploadInterruptedError(text) from exc
    except TimeoutError as exc:
        text = "the part came too slowly"
        raise UploadInterruptedError(text) from exc
    finally:
        site.metrics.received.inc(part.size - too_much)
    if failure:
        raise failure[0]


async def _batches(site: Site, request: Request, part: Part) -> AsyncIterator[list[bytes]]:
    """The body in lists of about 1 MiB; UploadInterruptedError when it stops short."""
    batch: list[bytes] = []
    waiting, total = 0, 0
    more = True
    while more:
        try:
            idle_s = site.limits.body_idle_s
            message: Any = await asyncio.wait_for(request.receive(), idle_s)
        except TimeoutError as exc:
            text = "the part came too slowly"
            raise UploadInterruptedError(text) from exc
        if message["type"] == "http.disconnect":
            text = "the connection was cut"
            raise UploadInterruptedError(text)
        chunk = message.get("body", b"")
        more = message.get("more_body", False)
        request.state.body_read = not more
        waiting += len(chunk)
        total += len(chunk)
        if total > part.size:
            text = "the part is longer than was signed"
            raise RequestError(text)
        batch.append(chunk)
        if waiting >= _BATCH or not more:
            site.metrics.received.inc(waiting)
            yield batch
            batch, waiting = [], 0


async def _read_away(request: Request) -> None:
    """Read some of the body that nobody wants, so that the client gets to read the answer."""
    n = 0
    if getattr(request.state, "body_read", False):
        return
    with contextlib.suppress(TimeoutError):
        while n < _READ_AWAY:
            message: Any = await asyncio.wait_for(request.receive(), _READ_AWAY_S)
            if message["type"] == "http.disconnect" or not message.get("more_body", False):
                return
            n += len(message.get("body", b""))


def _disk_error(exc: OSError) -> EmixError:
    _LOG.error("writing a part failed: %s", errno.errorcode.get(exc.errno or 0, "?"))
    if exc.errno in _FULL:
        message = "the disk of the exchange is full"
        return NoRoomError(message, hint="tell the operator of the exchange; then send again")
    message = "the exchange cannot write"
    return NoRoomError(message)
