"""Runs an exchange: sockets, TLS, signals."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from emixcli.errors import EmixError, OutputError, UsageError
from emixcli.server.api.deps import Site
from emixcli.server.app import make_app, make_site, opened_exchange
from emixcli.server.protocol import Protocol
from emixcli.server.settings import Settings
from emixcli.urls import check_url, is_loopback

_GRACE_S = 20
_BACKLOG = 2048
_CONNECTIONS = 2000


@dataclass(frozen=True)
class Listener:
    """A bound socket and the address under which the exchange is known."""

    socket: socket.socket
    base_url: str


def listen(settings: Settings) -> Listener:
    """Bind the address of the settings.

    Raises
    ------
    UsageError
        Plain HTTP for others than this machine, or a bad address.
    OutputError
        The port is taken.
    """
    _check_base_url(settings)
    host, _, port_text = settings.listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port_text.isdecimal() or int(port_text) > 65535:
        message = "the address to listen on must be HOST:PORT"
        raise UsageError(message, hint="for example --listen 127.0.0.1:8470")
    secure = bool(settings.certificate)
    if not (secure or settings.behind_proxy or is_loopback(host)):
        message = "plain HTTP is served on the loopback interface only"
        hint = "set certificate and private_key, or --behind-proxy where a proxy does TLS"
        raise UsageError(message, hint=hint)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, int(port_text)))
        bound.listen(_BACKLOG)
    except OSError as exc:
        bound.close()
        message = f"cannot listen on port {port_text}: it is in use or not allowed"
        raise OutputError(message, hint="choose another with --listen HOST:PORT") from exc
    port = bound.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    own_url = f"http{'s' * secure}://{shown}:{port}"
    return Listener(bound, settings.base_url.rstrip("/") or own_url)


def _check_base_url(settings: Settings) -> None:
    """Links must be safe to follow: HTTPS, or this machine alone."""
    hint = "for example --base-url https://exchange.hospital.example"
    if not settings.base_url:
        if settings.behind_proxy:
            raise UsageError("behind a proxy the public address must be given", hint=hint)
        return
    try:
        parsed = urlsplit(check_url(settings.base_url))
    except EmixError as exc:
        raise UsageError(f"base_url: {exc.message}", hint=hint) from exc
    if parsed.path:
        raise UsageError("base_url must be https://HOST without a path", hint=hint)


def make_server(site: Site, settings: Settings, *, with_worker: bool = True) -> uvicorn.Server:
    """A server of one process for the site."""
    options: dict[str, Any] = {}
    if settings.certificate:
        options["ssl_certfile"] = settings.path(settings.certificate)
        options["ssl_keyfile"] = settings.path(settings.private_key)
    config = uvicorn.Config(
        make_app(site, with_worker=with_worker),
        log_config=None,
        http=Protocol,
        access_log=False,
        server_header=False,
        proxy_headers=settings.behind_proxy,
        forwarded_allow_ips=list(settings.proxies),
        ws="none",
        lifespan="on",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_GRACE_S,
        limit_concurrency=_CONNECTIONS,
        h11_max_incomplete_event_size=65536,
        **options,
    )
    # Its lines hold paths, and so links; `access_log=False` leaves it on where it has handlers.
    logging.getLogger("uvicorn.access").disabled = True
    return _Server(config)


def serve(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; uploads and downloads under way get 20 s to end."""
    listener = listen(settings)
    with contextlib.closing(listener.socket), opened_exchange(settings) as exchange:
        site = make_site(exchange, listener.base_url)
        new_runner().run(_serve(make_server(site, settings), listener, on_ready))


def new_runner() -> asyncio.Runner:
    """Return the event loop of an exchange: uvloop where there is one."""
    if sys.platform == "win32":
        return asyncio.Runner()
    import uvloop

    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


async def _serve(
    server: uvicorn.Server, listener: Listener, on_ready: Callable[[str], None]
) -> None:
    loop = asyncio.get_running_loop()
    with _signals(loop, server):
        task = asyncio.create_task(server.serve(sockets=[listener.socket]))
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.01)
        if server.started:
            on_ready(listener.base_url)
        await task


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, server: uvicorn.Server) -> Iterator[None]:
    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    previous = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        if sys.platform == "win32":
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        else:
            loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number, handler in previous.items():
            if sys.platform != "win32":
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


def configure_logging(level: int) -> None:
    """Log lines of the exchange on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    for name in ("emix.exchange", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(level if name == "emix.exchange" else logging.WARNING)


class _Server(uvicorn.Server):
    """Without uvicorn's own signal handlers, which raise the signal again at the end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
