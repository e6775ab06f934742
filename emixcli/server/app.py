"""Puts the exchange together: services, routes, worker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import Route

import emixcli
from emixcli.errors import EmixError, NotFoundError, UsageError
from emixcli.server.accounts import Passwords
from emixcli.server.api import (
    accounts,
    audit,
    contacts,
    content,
    disclosures,
    inbox,
    invitations,
    operations,
    packages,
    recipient,
    requests,
    shares,
)
from emixcli.server.api.deps import Site
from emixcli.server.api.middleware import Guard
from emixcli.server.api.parts import PartEndpoint
from emixcli.server.clock import Clock, system_clock
from emixcli.server.database import Database
from emixcli.server.localstore import LocalStore
from emixcli.server.mail import make_mailer
from emixcli.server.metrics import Metrics
from emixcli.server.problems import RequestError, TooLargeError, body_of, headers_of, status_of
from emixcli.server.refusals import note_refusal
from emixcli.server.settings import Settings
from emixcli.server.store import Store
from emixcli.server.tables import about
from emixcli.server.vault import SECRETS_NAME, Vault, load_vault
from emixcli.server.work import Exchange
from emixcli.server.worker import Worker
from emixcli.urls import is_loopback

_LOG = logging.getLogger("emix.exchange")


def open_exchange(settings: Settings, clock: Clock = system_clock) -> Exchange:
    """The exchange of a data directory, its tables brought up to date.

    Raises
    ------
    UsageError
        The secrets do not belong to the database, or one of them cannot be read.
    """
    vault = load_vault(settings.data / SECRETS_NAME)
    database = Database(settings.database)
    try:
        database.upgrade()
        exchange = Exchange(settings, database, open_store(settings, vault, clock), vault, clock)
        check_secrets(exchange, vault)
    except BaseException:
        database.close()
        raise
    return exchange


@contextlib.contextmanager
def opened_exchange(settings: Settings, clock: Clock = system_clock) -> Iterator[Exchange]:
    """The exchange of a data directory, its database closed when the block ends.

    Raises
    ------
    UsageError
        As `open_exchange`.
    """
    exchange = open_exchange(settings, clock)
    try:
        yield exchange
    finally:
        exchange.database.close()


def open_store(settings: Settings, vault: Vault, clock: Clock) -> Store:
    """The store that the settings name; local files in the data directory by default.

    Raises
    ------
    UsageError
        No such kind of store.
    """
    kind, _, _place = settings.store_url.partition(":")
    if kind in {"", "file"}:
        folder = urlsplit(settings.store_url).path
        return LocalStore(Path(folder) if folder else settings.data / "store", vault, clock)
    message = "store_url names a kind of store that this exchange does not have"
    raise UsageError(message, hint="leave it out, or give file:///FOLDER")


def check_secrets(exchange: Exchange, vault: Vault) -> None:
    """Note which secrets a database belongs to, or refuse others.

    Raises
    ------
    UsageError
    """
    with exchange.write() as work:
        row = work.one(select(about.c.value).where(about.c.name == "secrets"))
        if row is None:
            work.add(about, {"name": "secrets", "value": vault.fingerprint()})
        elif row.value != vault.fingerprint():
            message = "the secrets file does not belong to this database"
            raise UsageError(message, hint="restore both from the same backup")


def make_site(exchange: Exchange, base_url: str, passwords: Passwords | None = None) -> Site:
    """The web side of an exchange under its public address."""
    settings, metrics = exchange.settings, Metrics()
    parsed = urlsplit(base_url)
    mailer = make_mailer(settings.data, settings.mail, parsed.hostname or "localhost")
    hosts = {parsed.netloc.lower(), *(host.lower() for host in settings.hosts)}
    is_local = is_loopback(parsed.hostname or "")
    if is_local:
        hosts |= {f"{name}:{parsed.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    return Site(
        exchange=exchange,
        passwords=passwords or Passwords(),
        worker=Worker(exchange, mailer, base_url, metrics),
        metrics=metrics,
        base_url=base_url,
        hosts=frozenset(hosts),
        recipient_page=settings.recipient_page,
        request_page=settings.request_page,
        is_local=is_local,
    )


def make_app(site: Site, *, with_worker: bool = True) -> FastAPI:
    """The ASGI application of a site."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        site.worker.attach(asyncio.get_running_loop())
        task = asyncio.create_task(site.worker.run()) if with_worker else None
        yield
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    app = FastAPI(
        title="emix exchange",
        version=emixcli.__version__,
        description="Keeps encrypted packages and hands them to whoever the sender names.",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.site = site
    sides = (accounts, packages, content, shares, contacts, inbox, audit, disclosures, requests)
    for part in (*sides, recipient, invitations, operations):
        app.include_router(part.router)
    app.router.routes.append(Route("/store/{key}/{number}", PartEndpoint(), methods=["PUT"]))
    app.add_exception_handler(EmixError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_middleware(Guard, site=site)
    return app


#: What clients are told whose request is not one that this exchange knows.
_VERSIONS = "emix and the exchange may be of different versions: emix doctor shows both"


async def _on_error(request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, EmixError):
        raise exc
    account = getattr(request.state, "account", None)
    if account is not None:
        act = f"{request.method} {request.scope['route'].path_format}"
        named = [str(value) for value in request.path_params.values()]
        exchange = request.app.state.site.exchange
        try:
            await run_in_threadpool(note_refusal, exchange, account, exc, act=act, named=named)
        except Exception as lost:  # noqa: BLE001 - it is refused whatever becomes of its row
            _LOG.error("a refusal has no row: %s", type(lost).__name__)
    return JSONResponse(body_of(exc), status_code=status_of(exc), headers=headers_of(exc))


async def _on_invalid(_request: Request, exc: Exception) -> JSONResponse:
    """Name the fields that are wrong, never their values."""
    if not isinstance(exc, RequestValidationError):
        raise exc
    places = sorted({_place(error) for error in exc.errors()})[:5]
    error = RequestError(f"the request is not valid: {', '.join(places)}", hint=_VERSIONS)
    return JSONResponse(body_of(error), status_code=422)


def _place(error: Any) -> str:
    known = [str(step) for step in error["loc"] if isinstance(step, int) or step.isidentifier()]
    return ".".join(known[:6])[:80]


async def _on_http(_request: Request, exc: Exception) -> JSONResponse:
    if not isinstance(exc, HTTPException):
        raise exc
    error: EmixError = RequestError("the request is not valid")
    if exc.status_code == 404:
        error = NotFoundError("this exchange has nothing under this address", hint=_VERSIONS)
    elif exc.status_code == 405:
        error = RequestError("this exchange does not know this request", hint=_VERSIONS)
    elif exc.status_code == 413:
        error = TooLargeError("the body of this request is too large")
    headers = dict(exc.headers or {})
    return JSONResponse(body_of(error), status_code=exc.status_code, headers=headers)
