"""Checks of this installation, for support: no patient data, no tokens, no account names."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from emixcli import __version__, config
from emixcli.errors import EmixError

OK, WARNING, FAILED = "ok", "warning", "failed"
_LIBRARIES = ("pydicom", "numpy", "cryptography", "pyzipper", "isal", "requests", "typer")
#: Optional decoders that pydicom finds, by module. The viewer brings its own.
_CODECS = {"JPEG": "libjpeg", "JPEG 2000": "openjpeg", "JPEG-LS": "jpeg_ls", "RLE": "rle"}
_LOW_SPACE = 2_000_000_000
_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Check:
    """One line of the doctor's report.

    Parameters
    ----------
    name
        Stable, for scripts.
    state
        `ok`, `warning` or `failed`.
    detail
        What was found, for people.
    hint
        What to do about it.
    """

    name: str
    state: str
    detail: str
    hint: str = ""


def examine(profile: str | None = None, *, offline: bool = False) -> Iterator[Check]:
    """Give the checks one by one, in the order of what the later ones need.

    Parameters
    ----------
    profile
        The profile whose exchange is asked.
    offline
        True asks no exchange.
    """
    checks: list[Callable[[], Check]] = [
        _versions,
        _libraries,
        _codecs,
        _viewer,
        lambda: _settings(profile),
        _state,
        _space,
        lambda: _credentials(profile),
    ]
    if not offline:
        checks.append(lambda: _exchange(profile))
    for check in checks:
        yield check()


def _versions() -> Check:
    python = f"Python {platform.python_version()}"
    return Check("version", OK, f"emix {__version__}, {python}, {platform.platform()}")


def _libraries() -> Check:
    found, missing = [], []
    for name in _LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        detail = f"missing: {', '.join(missing)}"
        return Check("libraries", FAILED, detail, "install emixcli again")
    return Check("libraries", OK, ", ".join(found))


def _codecs() -> Check:
    there = [name for name, module in _CODECS.items() if importlib.util.find_spec(module)]
    more = f"; further ones for it: {', '.join(there)}" if there else ""
    detail = f"the viewer has its own decoders; needed for emix anonymize only{more}"
    return Check("codecs", OK, detail)


def _viewer() -> Check:
    folder = Path(__file__).parent.parent / "viewer"
    hashes = []
    for name in ("viewer.html", "recipient.html", "request.html"):
        page = folder / name
        if not page.is_file():
            return Check("viewer", FAILED, f"{name} is missing", "install emixcli again")
        hashes.append(f"{name} {hashlib.sha256(page.read_bytes()).hexdigest()[:16]}")
    return Check("viewer", OK, ", ".join(hashes))


def _settings(profile: str | None) -> Check:
    try:
        settings = config.origins(profile)
    except EmixError as exc:
        return Check("settings", FAILED, exc.message, exc.hint)
    given = [f"{entry.key} ({entry.origin})" for entry in settings if entry.value]
    return Check("settings", OK, f"set: {', '.join(given) or 'nothing'}")


def _state() -> Check:
    folder = config.state_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        hint = "set EMIX_HOME to a folder of your own, or give yourself the right to write there"
        return Check("state", FAILED, f"{_short(folder)} cannot be written", hint)
    return Check("state", OK, _short(folder))


def _space() -> Check:
    places = {config.state_dir(), Path(tempfile.gettempdir())}
    free = min(shutil.disk_usage(place).free for place in places if place.exists())
    detail = f"{free / 1e9:.1f} GB free for temporary files"
    if free < _LOW_SPACE:
        return Check("space", WARNING, detail, "make room before packing a large study")
    return Check("space", OK, detail)


def _credentials(profile: str | None) -> Check:
    if os.environ.get("EMIX_TOKEN") or os.environ.get("EMIX_TOKEN_FILE"):
        return Check("credentials", OK, "a token comes from the environment")
    from emixcli import credentials

    try:
        url = config.load(profile).exchange_url
        login = credentials.find_login(url, profile=profile) if url else None
        if login is not None and login.store == credentials.FILE:
            return Check("credentials", OK, "the token is in a file that only you can read")
        credentials.probe_store(credentials.KEYRING)
    except EmixError as exc:
        return Check("credentials", WARNING, exc.message, exc.hint)
    return Check("credentials", OK, "the keyring works")


def _exchange(profile: str | None) -> Check:
    try:
        url = config.load(profile).exchange_url
    except EmixError as exc:
        return Check("exchange", FAILED, exc.message, exc.hint)
    if not url:
        hint = "run emix login https://exchange.example.org to send and receive"
        return Check("exchange", WARNING, "no exchange is set", hint)
    from emixcli import credentials
    from emixcli.exchange.transport import Transport

    remembered = credentials.find_login(url, profile=profile)
    ca_file = Path(remembered.ca_file) if remembered and remembered.ca_file else None
    try:
        transport = Transport(url, ca_file=ca_file, timeout_s=_TIMEOUT_S)
        about = transport.json("GET", f"{url}/openapi.json").get("info", {})
        transport.close()
    except EmixError as exc:
        return Check("exchange", FAILED, f"{exc.message} ({exc.id})", exc.hint)
    login = "logged in" if remembered else "not logged in"
    return Check("exchange", OK, f"{url} answers, version {about.get('version', '?')}, {login}")


def _short(path: Path) -> str:
    """Return a path without the account's name in it."""
    home = Path.home()
    if path.is_relative_to(home) and home != Path(path.anchor):
        return str(Path("~") / path.relative_to(home))
    return str(path) if sys.platform != "win32" else path.as_posix()
