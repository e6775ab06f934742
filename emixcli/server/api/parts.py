"""Takes the parts of uploads: a plain ASGI endpoint behind signed URLs.

Bytes are collected to 1 MiB, then written and hashed in a thread, one batch in flight for each
connection; the event loop only moves data. Synced and renamed before the answer.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
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
from emixcli.server.localstore import LocalStore, PartSink
from emixcli.server.problems import NoRoomError, body_of, status_of
from emixcli.server.store import Part

_BATCH = 1 << 20
_READ_AWAY = 16 << 20
_READ_AWAY_S = 5
_LOG = logging.getLogger("emix.exchange.parts")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class PartEndpoint:
    """`PUT /store/KEY/NUMBER?size&md5&expires&signature`."""

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
    if await asyncio.to_thread(store.has_part, key, part):
        await _drain(site, request, part)
        return
    try:
        sink = await asyncio.to_thread(store.open_part, key, part)
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
        part = Part(number, int(query["size"]), query["md5"])
        expires_ms, signature = int(query["expires"]), query["signature"]
        md5 = base64.b64decode(request.headers.get("content-md5", ""), validate=True)
    except (KeyError, ValueError, binascii.Error) as exc:
        raise ForbiddenError(message) from exc
    if not store.check_signature(key, part, expires_ms, signature) or md5.hex() != part.md5:
        raise ForbiddenError(message, hint="have the part signed again")
    if request.headers.get("content-length") != str(part.size):
        message = "Content-Length must be the size that was signed"
        raise ForbiddenError(message)
    return part


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
            raise UsageError(text)
        batch.append(chunk)
        if waiting >= _BATCH or not more:
            site.metrics.received.inc(waiting)
            yield batch
            batch, waiting = [], 0


async def _drain(site: Site, request: Request, part: Part) -> None:
    async for _batch in _batches(site, request, part):
        pass


async def _write(site: Site, request: Request, part: Part, sink: PartSink) -> None:
    try:
        async for batch in _batches(site, request, part):
            await asyncio.to_thread(sink.write, batch)
        good = await asyncio.to_thread(sink.finish)
    except FileNotFoundError as exc:
        message = "this upload has ended"
        raise GoneError(message) from exc
    except OSError as exc:
        raise _disk_error(exc) from exc
    finally:
        sink.abort()
    if not good:
        message = "the bytes of this part do not match its MD5"
        raise UsageError(message, hint="send the part again")


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
