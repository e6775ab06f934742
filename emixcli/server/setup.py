"""Makes the data directory of a new exchange."""

from __future__ import annotations

import dataclasses
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from emixcli.errors import OutputExistsError
from emixcli.server.accounts import NewAccount, Passwords, add_account
from emixcli.server.app import opened_exchange
from emixcli.server.settings import CONFIG_NAME, Settings, check_limits, format_settings
from emixcli.server.testtls import make_test_certificate
from emixcli.server.vault import SECRETS_NAME, create_vault
from emixcli.wholefile import create_whole, output_error


@dataclass(frozen=True)
class Installation:
    """What was made."""

    data: Path
    administrator: str
    generated_password: str | None
    authority: Path | None


def new_password() -> str:
    """A password that can be read out: 20 characters, 98 bits."""
    symbols = "abcdefghjkmnpqrstuvwxyz23456789"
    groups = ("".join(secrets.choice(symbols) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def create_installation(
    settings: Settings, administrator: NewAccount, *, test_tls: tuple[str, ...] = ()
) -> Installation:
    """Make the data directory as DIR.partial, then rename it; a failure leaves nothing.

    An empty password in `administrator` is replaced by a generated one. `test_tls` names the hosts
    of a test certificate.

    Raises
    ------
    OutputExistsError
        The directory exists and is not empty.
    OutputError, UsageError
    """
    check_limits(settings.limits)
    data = settings.data
    if data.exists() and any(data.iterdir()):
        message = "the data directory exists and is not empty"
        raise OutputExistsError(message, hint="choose another, or serve the exchange that is there")
    partial = data.with_name(f"{data.name}.partial")
    generated = None if administrator.password else new_password()
    account = dataclasses.replace(administrator, password=administrator.password or generated or "")
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        authority = _fill(dataclasses.replace(settings, data=partial), account, test_tls)
        if data.exists():
            data.rmdir()
        partial.rename(data)
    except OSError as exc:
        shutil.rmtree(partial, ignore_errors=True)
        raise output_error(exc) from exc
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Installation(data, account.email, generated, data / authority if authority else None)


def _fill(settings: Settings, account: NewAccount, test_tls: tuple[str, ...]) -> str | None:
    authority = None
    if test_tls:
        authority = make_test_certificate(settings.data, test_tls)
        settings = dataclasses.replace(
            settings, certificate="tls/certificate.pem", private_key="tls/private-key.pem"
        )
    create_whole(settings.data / CONFIG_NAME, format_settings(settings).encode("utf-8"))
    create_vault(settings.data / SECRETS_NAME)
    with opened_exchange(settings) as exchange:
        add_account(exchange, account, Passwords())
    return authority
