"""Where the token of an exchange account is kept, and in which order it is looked for.

Other secrets of the user lie in the keyring by name (`keep_secret`).

`--token-file` or `EMIX_TOKEN_FILE`, then `EMIX_TOKEN`, then the store that was remembered at login:
the system's keyring, or a file of mode 0600 where that was asked for. A token is never written in
plain text without being told to.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from emixcli import config
from emixcli.errors import AuthRequiredError, UsageError
from emixcli.wholefile import output_error, replace_whole

T = TypeVar("T")
FILE_NAME = "credentials.json"
SERVICE = "emix"
#: A locked Secret Service shows a graphical prompt that nobody may see, and waits for ever.
KEYRING_LIMIT_S = 3.0
NO_KEYRING: Final = "this machine has no keyring that keeps secrets"
KEYRING, FILE = "keyring", "file"
STORES = (KEYRING, FILE)
#: Back ends of keyring that keep no secret: they refuse, forget, or write plain text.
_UNFIT = ("fail.", "null.", "PlaintextKeyring", "UncryptedFileKeyring")
_TOKEN_MAX = 8192


@dataclass(frozen=True, slots=True)
class Token:
    """A token and where it was found: `option`, `environment`, `keyring` or `file`."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a login leaves behind for one exchange; `token` only with the store `file`."""

    store: str = KEYRING
    email: str = ""
    ca_file: str = ""
    token: str = ""


def path() -> Path:
    """Return the file that remembers logins."""
    return config.home() / FILE_NAME


def find_token(
    url: str, *, profile: str | None = None, token_file: Path | None = None
) -> Token | None:
    """Return the token for an exchange, None where nobody has logged in.

    Parameters
    ----------
    url
        The exchange.
    profile
        Whose login; `EMIX_PROFILE` if None. A profile that has not logged in itself uses the
        login without a profile.
    token_file
        Holds the token, before everything else.

    Raises
    ------
    UsageError
        A file of a token, or the file of logins, cannot be read.
    AuthRequiredError
        The keyring holds the token but does not answer.
    """
    named = token_file or (Path(value) if (value := os.environ.get("EMIX_TOKEN_FILE")) else None)
    if named is not None:
        return Token(_read_secret(named), "option" if token_file else "environment")
    if value := os.environ.get("EMIX_TOKEN", "").strip():
        return Token(value, "environment")
    name = _name_of(url, profile)
    remembered = find_login(url, profile=profile)
    if remembered is None:
        return None
    if remembered.store == FILE:
        return Token(remembered.token, FILE) if remembered.token else None
    found = _from_keyring(name)
    return Token(found, KEYRING) if found else None


def find_login(url: str, *, profile: str | None = None) -> Remembered | None:
    """Return what was remembered for an exchange, as `find_token` looks for it."""
    entry = _load().get(_name_of(url, profile))
    if not isinstance(entry, dict):
        return None
    known = {name: str(entry[name]) for name in asdict(Remembered()) if name in entry}
    return Remembered(**known)


def borrows_login(url: str, *, profile: str | None = None) -> bool:
    """Return whether a profile has no login of its own, so that the one without a profile counts.

    A token from the environment is nobody's login and is not borrowed.
    """
    given = os.environ.get("EMIX_TOKEN_FILE") or os.environ.get("EMIX_TOKEN", "").strip()
    return not given and _name_of(url, profile) != _key(url, profile)


def probe_store(store: str) -> None:
    """Make sure that a token can be kept, before there is one to lose.

    Raises
    ------
    AuthRequiredError
        There is no keyring, or it does not answer within three seconds.
    OutputError
        The file cannot be written.
    """
    if store == FILE:
        _save(_load())
        return
    try:
        fit = _limited(_keyring_works)
    except TimeoutError as exc:
        raise _no_keyring("the keyring does not answer") from exc
    if not fit:
        raise _no_keyring(NO_KEYRING)


def remember(
    url: str,
    token: str,
    *,
    store: str,
    email: str,
    ca_file: Path | None,
    profile: str | None = None,
) -> None:
    """Keep a token in the chosen store, and the choice for later commands.

    Each profile has a login of its own: one person may have accounts of two organisations.
    """
    entries = _load()
    name = _key(url, profile)
    kept = Remembered(
        store=store,
        email=email,
        ca_file="" if ca_file is None else str(ca_file.resolve()),
        token=token if store == FILE else "",
    )
    if store == KEYRING:
        _to_keyring(name, token)
    entries[name] = {field: value for field, value in asdict(kept).items() if value}
    _save(entries)


def forget(url: str, *, profile: str | None = None) -> None:
    """Remove a login and its keyring entry; of a profile only a login of its own."""
    entries = _load()
    name = _key(url, profile)
    if name not in entries:
        return
    remembered = find_login(url, profile=profile)
    if remembered is not None and remembered.store == KEYRING:
        with contextlib.suppress(TimeoutError):
            _limited(lambda: _delete_from_keyring(name))
    del entries[name]
    _save(entries)


def keep_secret(name: str, secret: str, *, instead: str) -> None:
    """Keep a secret in the keyring under a name.

    Parameters
    ----------
    instead
        Hint of the error: where else this kind of secret can be kept.

    Raises
    ------
    UsageError
        There is no keyring that keeps it, or it does not answer within three seconds.
    """
    import keyring

    with _in_keyring(instead):
        if not _limited(_keyring_works):
            raise UsageError(NO_KEYRING, hint=instead)
        _limited(lambda: keyring.set_password(SERVICE, name, secret))


def find_secret(name: str, *, instead: str) -> str | None:
    """Return the secret that was kept under a name, None where there is none; raises as above."""
    import keyring

    with _in_keyring(instead):
        return _limited(lambda: keyring.get_password(SERVICE, name) or "") or None


def forget_secret(name: str, *, instead: str) -> None:
    """Remove what was kept under a name; raises as above."""
    import keyring

    with _in_keyring(instead):
        _limited(partial(keyring.delete_password, SERVICE, name))


@contextlib.contextmanager
def _in_keyring(instead: str) -> Iterator[None]:
    import keyring.errors

    try:
        yield
    except (TimeoutError, keyring.errors.KeyringError, RuntimeError) as exc:
        is_there = not isinstance(exc, keyring.errors.NoKeyringError)
        what = "the keyring does not answer, or refuses" if is_there else NO_KEYRING
        raise UsageError(what, hint=instead) from exc


def _key(url: str, profile: str | None) -> str:
    """Return the name of a login: the exchange, and the profile where there is one."""
    name = profile or os.environ.get("EMIX_PROFILE", "")
    return f"{name} {url}" if name else url


def _name_of(url: str, profile: str | None) -> str:
    """Return the name of the login that counts: of the profile, else the one without."""
    own = _key(url, profile)
    return own if own in _load() else url


def _no_keyring(what: str) -> AuthRequiredError:
    return AuthRequiredError(
        what,
        hint="run emix login --store file to keep the token in a file that only you can read,"
        " or give a token by EMIX_TOKEN_FILE",
    )


def _read_secret(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as stream:
            value = stream.read(_TOKEN_MAX).strip()
    except (OSError, ValueError) as exc:
        raise UsageError(
            "the token file cannot be read", hint="check --token-file or EMIX_TOKEN_FILE"
        ) from exc
    if not value or not value.isascii() or not value.isprintable() or " " in value:
        raise UsageError(
            "the token file does not hold a token",
            hint="it holds one token in one line, as the exchange gave it",
        )
    return value


def _load() -> dict[str, Any]:
    try:
        document = json.loads(path().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as exc:
        raise UsageError(
            "the file of logins cannot be read", hint=f"remove {path()} and run emix login again"
        ) from exc
    entries = document.get("logins") if isinstance(document, dict) else None
    return entries if isinstance(entries, dict) else {}


def _save(entries: Mapping[str, Any]) -> None:
    target = path()
    document = {"v": 1, "logins": dict(entries)}
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_whole(target, json.dumps(document, indent=1).encode("utf-8"))
    except OSError as exc:
        raise output_error(
            exc, "the login cannot be remembered", hint=f"check that {target} can be written"
        ) from exc


def _limited(work: Callable[[], T]) -> T:
    """Return what `work` returns unless it takes longer than a keyring may."""
    answer: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(work())
        except Exception as exc:  # noqa: BLE001 - passed on below, in the caller's thread
            failure.append(exc)

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(KEYRING_LIMIT_S)
    if failure:
        raise failure[0]
    if not answer:
        raise TimeoutError
    return answer[0]


def _keyring_works() -> bool:
    """Keep, read back and remove a value: a back end may be there and refuse, or forget."""
    import keyring
    import keyring.errors

    backend = keyring.get_keyring()
    name = f"{type(backend).__module__}.{type(backend).__qualname__}"
    if any(word in name for word in _UNFIT):
        return False
    try:
        keyring.set_password(SERVICE, "probe", "probe")
        kept = keyring.get_password(SERVICE, "probe") == "probe"
        keyring.delete_password(SERVICE, "probe")
    except (keyring.errors.KeyringError, OSError, RuntimeError):
        return False
    return kept


def _from_keyring(name: str) -> str:
    import keyring
    import keyring.errors

    try:
        return _limited(lambda: keyring.get_password(SERVICE, name) or "")
    except (TimeoutError, keyring.errors.KeyringError, RuntimeError) as exc:
        raise _no_keyring("the keyring does not give the token") from exc


def _to_keyring(name: str, token: str) -> None:
    import keyring
    import keyring.errors

    try:
        _limited(lambda: keyring.set_password(SERVICE, name, token))
    except (TimeoutError, keyring.errors.KeyringError, RuntimeError) as exc:
        raise _no_keyring("the keyring does not take the token") from exc


def _delete_from_keyring(name: str) -> None:
    import keyring
    import keyring.errors

    with contextlib.suppress(keyring.errors.KeyringError, RuntimeError):
        keyring.delete_password(SERVICE, name)
