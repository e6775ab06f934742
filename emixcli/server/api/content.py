"""The bytes of a package: for its owner, for a viewer by Range, and as a copy to keep."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Query, Request, Response
from starlette.types import Receive, Scope, Send

from emixcli.errors import AuthRequiredError, GoneError
from emixcli.server import recipients as service
from emixcli.server.accounts import find_account
from emixcli.server.api.deps import Site, SiteArg, bearer_token
from emixcli.server.api.ranges import ByteRange, UnsatisfiableError, parse_range
from emixcli.server.recipients import Content
from emixcli.server.slots import slots_area
from emixcli.server.store import ObjectReader

router = APIRouter(prefix="/v1/packages", tags=["content"])

CHUNK = 1 << 20
_RECHECK_S = 5.0
_HEADERS = {
    "Content-Type": "application/octet-stream",
    "Accept-Ranges": "bytes",
    "Content-Security-Policy": "default-src 'none'; sandbox; frame-ancestors 'none'",
}


@router.head("/{package_id}/content", response_class=Response, include_in_schema=False)
@router.get("/{package_id}/content", response_class=Response)
def get_content(package_id: str, request: Request, site: SiteArg) -> Response:
    """The package as it was uploaded, whole or one range of it."""
    token = bearer_token(request)
    account = find_account(site.exchange, token) if token.startswith("emx_") else None
    if not token:
        message = "this needs a token"
        raise AuthRequiredError(message)
    content = service.find_content(
        site.exchange, package_id, account=account, token=token, kind="content"
    )
    return _answer(site, request, content, replace=None)


@router.post("/{package_id}/copy:ticket")
def post_ticket(package_id: str, request: Request, site: SiteArg) -> dict[str, dict[str, str]]:
    """Another short-lived link to the copy, for a holder of a content token."""
    ticket = service.new_ticket(site.exchange, package_id, bearer_token(request))
    return {"copy": {"url": f"{site.base_url}/v1/packages/{package_id}/copy?ticket={ticket}"}}


@router.head("/{package_id}/copy", response_class=Response, include_in_schema=False)
@router.get("/{package_id}/copy", response_class=Response)
def get_copy(
    package_id: str,
    request: Request,
    site: SiteArg,
    ticket: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """The package as a file to keep; its slots area holds this recipient's slot alone."""
    content = service.find_content(
        site.exchange, package_id, account=None, token=ticket, kind="ticket"
    )
    area = slots_area(content.slot or {}, content.slots_length)
    return _answer(site, request, content, replace=area)


def _answer(site: Site, request: Request, content: Content, *, replace: bytes | None) -> Response:
    suffix = f"-{content.share_id}" if replace is not None else ""
    etag = f'"{content.package_id}{suffix}"'
    headers = _HEADERS | {"ETag": etag}
    headers["Content-Disposition"] = (
        f'attachment; filename="images-{content.package_id[:8]}.emix.html"'
    )
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    try:
        wanted = parse_range(
            request.headers.get("range"),
            request.headers.get("if-range"),
            etag=etag,
            size=content.size,
        )
    except UnsatisfiableError:
        headers["Content-Range"] = f"bytes */{content.size}"
        return Response(status_code=416, headers=headers)
    try:
        reader = site.exchange.store.open(content.key)
    except KeyError as exc:
        message = "the package is gone"
        raise GoneError(message) from exc
    return ContentResponse(_Job(site, content, reader, wanted, replace), headers)


@dataclass(frozen=True)
class _Job:
    site: Site
    content: Content
    reader: ObjectReader
    wanted: ByteRange | None
    replace: bytes | None

    def read(self, offset: int, length: int) -> bytes:
        """Stored bytes, with the slots area exchanged in a copy."""
        data = self.reader.read(offset, length)
        if self.replace is None:
            return data
        start = max(self.content.slots_offset, offset)
        end = min(self.content.slots_offset + len(self.replace), offset + len(data))
        if start >= end:
            return data
        inside = self.replace[start - self.content.slots_offset : end - self.content.slots_offset]
        return data[: start - offset] + inside + data[end - offset :]


class ContentResponse(Response):
    """Streams in chunks of 1 MiB read in a thread; stops when the permission ends meanwhile."""

    def __init__(self, job: _Job, headers: dict[str, str]) -> None:
        self._job = job
        self._range = job.wanted or ByteRange(0, job.content.size)
        headers["Content-Length"] = str(self._range.length)
        if job.wanted is not None:
            headers["Content-Range"] = self._range.header(job.content.size)
        self.status_code = 206 if job.wanted is not None else 200
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the range, then note a finished download."""
        del receive
        start = {"type": "http.response.start", "status": self.status_code}
        try:
            await send({**start, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            await self._stream(send)
        finally:
            self._job.reader.close()
        await self._note()

    async def _stream(self, send: Send) -> None:
        job, offset = self._job, self._range.start
        end = offset + self._range.length
        checked = time.monotonic()
        while offset < end:
            if time.monotonic() - checked > _RECHECK_S:
                checked = time.monotonic()
                exchange = job.site.exchange
                if not await anyio.to_thread.run_sync(
                    service.still_readable, exchange, job.content
                ):
                    raise ConnectionAbortedError
            body = await anyio.to_thread.run_sync(job.read, offset, min(CHUNK, end - offset))
            offset += len(body)
            job.site.metrics.sent.inc(len(body))
            more = offset < end
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async def _note(self) -> None:
        job = self._job
        last = self._range.start + self._range.length == job.content.size
        whole = last if job.replace is not None else self._range.length == job.content.size
        if whole and job.content.share_id is not None:
            exchange, share_id = job.site.exchange, job.content.share_id
            await anyio.to_thread.run_sync(service.note_download, exchange, share_id)
