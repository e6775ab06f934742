"""uvicorn's HTTP protocol with a short cut for the bytes of packages.

ASGI hands a body over in pieces of some 64 KiB, each copied four times and each a turn of the event
loop. A connection without TLS (behind a proxy, as a rule) can do better: `Wire` lets a thread read
the body from the socket into one buffer, and lets the kernel send a file (sendfile). The event loop
only waits for the socket, so a slow client holds no thread. With TLS, and where a platform has no
such calls, `Wire.is_direct` is False and bytes go the usual way.
"""

from __future__ import annotations

import asyncio
import functools
import os
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import httptools
from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

T = TypeVar("T")
#: Takes the next bytes of a body, in a thread; the view is good during the call only.
Take = Callable[[memoryview], object]

_KEY = "emix.wire"
#: Fits the cache of a core, so that bytes are received, hashed and written while they are near.
_BUFFER = 256 << 10
#: After so many bytes a thread lets another connection have its turn.
_TURN = 4 << 20
#: How long a thread waits for more before the event loop does.
_GRACE_MS = 5
_FLUSH_S = 0.005
_local = threading.local()


class WireClosedError(Exception):
    """The other side has gone."""


@functools.cache
def byte_threads() -> ThreadPoolExecutor:
    """The threads that move bytes."""
    return ThreadPoolExecutor(2 * (os.cpu_count() or 1) + 2, thread_name_prefix="bytes")


async def in_thread(work: Callable[..., T], *args: Any) -> T:
    """What `work` returns; when cancelled, only after the thread has let go of its files."""
    future = asyncio.get_running_loop().run_in_executor(byte_threads(), work, *args)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait({future})
        raise


class Protocol(HttpToolsProtocol):
    """As uvicorn has it, and every request's scope knows its `Wire`."""

    def on_headers_complete(self) -> None:
        """Note the wire; the application's task begins after this."""
        super().on_headers_complete()
        scope: dict[str, Any] = cast("dict[str, Any]", self.scope)
        scope["extensions"] = {_KEY: Wire(self, self.cycle)}


def find_wire(scope: Scope) -> Wire | None:
    """The wire of a request, None under another server."""
    wire: Wire | None = scope.get("extensions", {}).get(_KEY)
    return wire


class Wire:
    """The connection of one request."""

    def __init__(self, protocol: Protocol, cycle: RequestResponseCycle) -> None:
        # Not protocol.cycle: the next request may be there already.
        self._protocol, self._cycle = protocol, cycle

    @property
    def is_direct(self) -> bool:
        """Whether threads and the kernel may use the socket itself."""
        return sys.platform != "win32" and self._protocol.scheme == "http"

    @property
    def is_closed(self) -> bool:
        """Whether the other side has gone."""
        return self._protocol.transport.is_closing() or self._cycle.disconnected

    async def receive(self, length: int, take: Take, *, idle_s: float) -> None:
        """Hand the whole body of the request, of the length given, to `take`.

        Raises
        ------
        WireClosedError
            The body stopped short.
        TimeoutError
            Nothing came for `idle_s`.
        """
        protocol, cycle = self._protocol, self._cycle
        protocol.flow.pause_reading()
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            protocol.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        first, cycle.body = bytes(cycle.body), bytearray()
        if first:
            await in_thread(take, memoryview(first))
        left = length - len(first)
        if left <= 0:
            return
        with self._socket() as connection:
            while left:
                left -= await in_thread(_receive_some, connection, left, take)
                if left:
                    await _ready(connection, idle_s)
        # The parser has not seen these bytes: the next request gets a new one.
        cycle.more_body = False
        protocol.parser = httptools.HttpRequestParser(protocol)

    async def send_file(self, descriptor: int, offset: int, length: int) -> int:
        """Send bytes of a file behind what was sent before; how many went within a few seconds.

        Raises
        ------
        WireClosedError
        """
        transport = self._protocol.transport
        while transport.get_write_buffer_size():
            if self.is_closed:
                raise WireClosedError
            await asyncio.sleep(_FLUSH_S)
        with self._socket() as connection:
            n = await in_thread(_send_some, connection, descriptor, offset, length)
            if not n:
                try:
                    await _ready(connection, _FLUSH_S * 400, write=True)
                except TimeoutError:
                    return 0
        self._cycle.expected_content_length -= n
        return n

    @contextmanager
    def _socket(self) -> Iterator[socket.socket]:
        """A second descriptor of the connection: the event loop refuses to watch its own."""
        if self._protocol.transport.is_closing():
            raise WireClosedError
        own: Any = self._protocol.transport.get_extra_info("socket")
        try:
            descriptor = os.dup(own.fileno())
        except OSError as exc:
            raise WireClosedError from exc
        with socket.socket(fileno=descriptor) as connection:
            connection.settimeout(0)
            yield connection


async def _ready(connection: socket.socket, seconds: float, *, write: bool = False) -> None:
    loop = asyncio.get_running_loop()
    add, remove = (
        (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    )
    event = asyncio.Event()
    add(connection.fileno(), event.set)
    try:
        await asyncio.wait_for(event.wait(), seconds)
    finally:
        remove(connection.fileno())


def _receive_some(connection: socket.socket, left: int, take: Take) -> int:
    """Receive what is there, and what comes at once; the number of bytes."""
    if not hasattr(_local, "buffer"):
        _local.buffer = memoryview(bytearray(_BUFFER))
    buffer: memoryview = _local.buffer
    most, done, filled = min(left, _TURN), 0, 0
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    while done + filled < most:
        room = buffer[filled : min(_BUFFER, most - done)]
        try:
            n = connection.recv_into(room)
        except BlockingIOError:
            if waiting.poll(_GRACE_MS):
                continue
            break
        except OSError as exc:
            raise WireClosedError from exc
        if not n:
            raise WireClosedError
        filled += n
        if filled == _BUFFER:
            take(buffer)
            done, filled = done + filled, 0
    if filled:
        take(buffer[:filled])
    return done + filled


def _send_some(connection: socket.socket, descriptor: int, offset: int, length: int) -> int:
    """Have the kernel send what the socket takes, and a little more; the number of bytes."""
    most, done = min(length, _TURN), 0
    waiting = select.poll()
    waiting.register(connection, select.POLLOUT)
    while done < most:
        try:
            n = os.sendfile(connection.fileno(), descriptor, offset + done, most - done)
        except BlockingIOError:
            if waiting.poll(_GRACE_MS):
                continue
            break
        except OSError as exc:
            raise WireClosedError from exc
        if not n:
            # The file is shorter than it was.
            raise WireClosedError
        done += n
    return done
