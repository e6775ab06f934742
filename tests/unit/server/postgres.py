"""A real PostgreSQL for the tests: an empty database of a server of its own, or of a given one."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy

#: Where Debian and others keep the programs of each version.
_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


def find_programs() -> Path | None:
    """Return the folder of `initdb` and `postgres`, None where there is none."""
    if (found := shutil.which("initdb")) is not None:
        return Path(found).resolve().parent
    places = [
        place
        for pattern in _FOLDERS
        for place in sorted(Path("/").glob(pattern.lstrip("/")), key=_version)
    ]
    usable = [place for place in places if (place / "initdb").exists()]
    return usable[-1] if usable else None


def why_not() -> str:
    """Return why no PostgreSQL can be started here; empty where one can."""
    if find_programs() is None:
        return "no PostgreSQL: install it, or set EMIX_TEST_DATABASE to a URL"
    if _is_root() and _user() is None:
        return "PostgreSQL does not run as root, and there is no user postgres"
    return ""


@contextlib.contextmanager
def started() -> Iterator[str]:
    """Run a PostgreSQL on loopback and give its URL; what it wrote goes away."""
    programs, user = find_programs(), _user()
    assert programs is not None
    # Not below pytest's folder, which only its owner may enter.
    folder = Path(tempfile.mkdtemp(prefix="emix-pg-"))
    try:
        if user is not None:
            os.chown(folder, *user)
        data, port = folder / "data", _free_port()
        _run(programs / "initdb", "-D", data, "-U", "emix", "-A", "trust", "-E", "UTF8", "-N")
        options = [f"-c {word}" for word in _QUICK]
        options += [f"-p {port}", "-h 127.0.0.1", f"-k {folder}"]
        _run(programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "start", "-o", options)
        try:
            yield f"postgresql://emix@127.0.0.1:{port}/postgres"
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def own_database(server_url: str) -> Iterator[str]:
    """Make a database on a server, so that parallel runs do not meet, and give its URL."""
    name = f"emix_{uuid.uuid4().hex}"
    _execute(server_url, f'CREATE DATABASE "{name}"')
    try:
        url = sqlalchemy.make_url(server_url).set(database=name)
        yield url.render_as_string(hide_password=False)
    finally:
        _execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def empty(url: str) -> None:
    """Remove all that is in a database."""
    _execute(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


def _execute(url: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(sqlalchemy.text(statement))
    engine.dispose()


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _user() -> tuple[int, int] | None:
    """Return the ids of the user who runs the server where this is root."""
    if sys.platform == "win32" or not _is_root():
        return None
    import pwd

    with contextlib.suppress(KeyError):
        found = pwd.getpwnam("postgres")
        return found.pw_uid, found.pw_gid
    return None


def _run(program: Path, *words: object) -> None:
    arguments = [" ".join(word) if isinstance(word, list) else str(word) for word in words]
    user = _user()
    subprocess.run(
        [str(program), *arguments],
        check=True,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        user=None if user is None else user[0],
        group=None if user is None else user[1],
        extra_groups=None if user is None else [],
    )


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _version(folder: Path) -> list[int]:
    return [int(part) for part in "".join(c if c.isdigit() else " " for c in str(folder)).split()]
