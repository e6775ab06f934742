"""A TCP proxy in front of a real exchange that cuts, delays and answers as told.

Each new connection takes the next fault of `faults`; without one it passes everything on.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Fault:
    """What happens to one connection.

    Attributes
    ----------
    cut_up, cut_down
        Cut after so many bytes from the client, or to it.
    answer
        Say this at once instead of asking the exchange.
    hang
        Take everything and never answer.
    """

    cut_up: int | None = None
    cut_down: int | None = None
    answer: bytes = b""
    hang: bool = False


def http_answer(status: int, body: bytes = b"", headers: str = "") -> bytes:
    head = f"HTTP/1.1 {status} Fault\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
    return (head + headers + "\r\n").encode() + body


class FaultyProxy:
    def __init__(self) -> None:
        self.faults: deque[Fault] = deque()
        self.n_connections = 0
        self.target: tuple[str, int] = ("127.0.0.1", 9)
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads = [old for old in self._threads if old.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.n_connections += 1
            fault = self.faults.popleft() if self.faults else Fault()
            self._spawn(self._serve, client, fault)

    def _serve(self, client: socket.socket, fault: Fault) -> None:
        with client:
            client.settimeout(0.2)
            if fault.answer:
                self._answer(client, fault.answer)
            elif fault.hang:
                self._swallow(client)
            else:
                self._relay(client, fault)

    def _answer(self, client: socket.socket, answer: bytes) -> None:
        with contextlib.suppress(OSError):
            client.settimeout(2)
            client.recv(1 << 16)
            client.sendall(answer)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(0.3)
            while client.recv(1 << 16):
                pass

    def _swallow(self, client: socket.socket) -> None:
        while not self._stop.is_set():
            try:
                if not client.recv(1 << 16):
                    return
            except TimeoutError:
                continue
            except OSError:
                return

    def _relay(self, client: socket.socket, fault: Fault) -> None:
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            return
        with server:
            server.settimeout(0.2)
            cut = threading.Event()
            down = threading.Thread(
                target=self._pump, args=(server, client, fault.cut_down, cut), daemon=True
            )
            down.start()
            self._pump(client, server, fault.cut_up, cut)
            down.join()

    def _pump(
        self, source: socket.socket, sink: socket.socket, limit: int | None, cut: threading.Event
    ) -> None:
        left = limit
        while not self._stop.is_set() and not cut.is_set():
            try:
                data = source.recv(1 << 16)
            except TimeoutError:
                continue
            except OSError:
                break
            if left is not None:
                data, left = data[:left], left - len(data)
            try:
                sink.settimeout(10)
                sink.sendall(data)
            except OSError:
                break
            if not data or (left is not None and left <= 0):
                break
        cut.set()
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
