"""The bytes of a package: for its owner, for a viewer by Range, and as a copy to keep."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from starlette.types import Receive, Scope, Send

from emixcli.errors import AuthRequiredError, GoneError
from emixcli.server import recipients as service
from emixcli.server.api.deps import Site, SiteArg, bearer_token, find_caller
from emixcli.server.api.ranges import ByteRange, UnsatisfiableError, parse_range
from emixcli.server.protocol import WireClosedError, find_wire, in_thread
from emixcli.server.recipients import Content
from emixcli.server.slots import slots_area
from emixcli.server.store import ObjectReader

router = APIRouter(prefix="/v1/packages", tags=["content"])

CHUNK = 1 << 20
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
    account = find_caller(request, site)
    if not token:
        message = "this needs a token"
        raise AuthRequiredError(message, hint="run emix login, or open the link again")
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

    def is_slots(self, offset: int) -> bool:
        """Whether the byte at `offset` is one of a copy's own slots."""
        area = self.replace or b""
        return 0 <= offset - self.content.slots_offset < len(area)

    def until_slots(self, offset: int) -> int:
        """Bytes from `offset` to where a copy's own slots begin or end, or to the end."""
        start = self.content.slots_offset
        edges = (start, start + len(self.replace or b""), self.content.size)
        return min(edge - offset for edge in edges if edge > offset)

    def read(self, offset: int, length: int) -> bytes:
        """Stored bytes, or those of the copy's own slots; not across an edge of these."""
        if self.replace is not None and self.is_slots(offset):
            at = offset - self.content.slots_offset
            return self.replace[at : at + length]
        return self.reader.read(offset, length)


class ContentResponse(Response):
    """Streams a package; stops when the permission ends or the recipient goes meanwhile.

    The kernel sends the stored files where it can, else chunks of 1 MiB are read in a thread.
    """

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
        self._wire = find_wire(scope)
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
            if time.monotonic() - checked > job.site.limits.download_check_s:
                checked = time.monotonic()
                exchange = job.site.exchange
                if not await in_thread(service.still_readable, exchange, job.content):
                    raise ConnectionAbortedError
            try:
                n = await self._send_some(send, offset, end - offset)
            except (KeyError, WireClosedError) as exc:
                # Purged, or the other side has gone: the whole has not arrived.
                raise ConnectionAbortedError from exc
            offset += n
            job.site.metrics.sent.inc(n)
        await send({"type": "http.response.body", "body": b""})

    async def _send_some(self, send: Send, offset: int, length: int) -> int:
        """Send the next bytes, as many as go at once, and return their number."""
        job, wire = self._job, self._wire
        # Asked before and not after: whoever closes at once after the last bytes has them.
        if wire is not None and wire.is_closed:
            raise WireClosedError
        length = min(length, job.until_slots(offset))
        if wire is not None and wire.is_direct and not job.is_slots(offset):
            found = await in_thread(job.reader.find_file, offset)
            if found is not None:
                descriptor, position, n = found
                return await wire.send_file(descriptor, position, min(n, length))
        body = await in_thread(job.read, offset, min(CHUNK, length))
        await send({"type": "http.response.body", "body": body, "more_body": True})
        return len(body)

    async def _note(self) -> None:
        job = self._job
        last = self._range.start + self._range.length == job.content.size
        whole = last if job.replace is not None else self._range.length == job.content.size
        if whole and job.content.share_id is not None:
            exchange, share_id = job.site.exchange, job.content.share_id
            await in_thread(service.note_download, exchange, share_id)
