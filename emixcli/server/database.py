"""The database: SQLite by default, PostgreSQL by URL.

SQLite runs in WAL mode with `synchronous = FULL`, so that what was answered survives a power
loss, and with `secure_delete`, so that wiped keys leave the file.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event, exc, make_url

from emixcli.errors import ExchangeServerError, UsageError

_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA busy_timeout = 30000",
)


class Database:
    """Transactions on one database.

    Writers of this process queue on a lock, since SQLite has one writer at a time and waits by
    polling; writers of other processes wait in `BEGIN IMMEDIATE`.
    """

    def __init__(self, url: str) -> None:
        try:
            parsed = make_url(url)
            self.is_sqlite = parsed.get_backend_name() == "sqlite"
            options: dict[str, Any] = {"pool_size": 20, "max_overflow": 30}
            if self.is_sqlite:
                options["connect_args"] = {"check_same_thread": False}
                if parsed.database and parsed.database != ":memory:":
                    Path(parsed.database).touch(mode=0o600)
            self._engine = create_engine(parsed, **options)
        except (exc.ArgumentError, ImportError) as error:
            message = "the database URL is not understood, or its driver is not installed"
            raise UsageError(message, hint="for example postgresql+psycopg://…") from error
        self._write_lock = threading.Lock()
        if self.is_sqlite:
            event.listen(self._engine, "connect", _on_connect)
            event.listen(self._engine, "begin", _on_begin)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is written durably when the block ends, or not at all.

        Raises
        ------
        ExchangeServerError
            The disk is full.
        """
        lock = self._write_lock if self.is_sqlite else _NO_LOCK
        try:
            with lock, self._engine.connect() as plain:
                connection = plain.execution_options(emix_write=True)
                with connection.begin():
                    yield connection
        except exc.OperationalError as error:
            if "full" in str(error.orig):
                message = "the disk of the exchange is full"
                hint = "free some space where the exchange keeps its data"
                raise ExchangeServerError(message, hint=hint) from error
            raise

    def upgrade(self) -> None:
        """Bring the tables to the newest version."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        with self.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def checkpoint(self) -> None:
        """Fold SQLite's log into the file, so that wiped values leave the log as well."""
        if self.is_sqlite:
            with self._write_lock, self._engine.connect() as connection:
                raw = connection.connection.dbapi_connection
                if raw is not None:
                    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


class _NoLock:
    def __enter__(self) -> None:
        """PostgreSQL locks rows itself."""

    def __exit__(self, *_: object) -> None:
        """PostgreSQL locks rows itself."""


_NO_LOCK = _NoLock()


def _on_connect(raw: Any, _record: object) -> None:
    raw.isolation_level = None
    cursor = raw.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _on_begin(connection: Connection) -> None:
    write = connection.get_execution_options().get("emix_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
