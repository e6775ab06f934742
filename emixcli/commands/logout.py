"""`emix logout`."""

from __future__ import annotations

from emixcli.commands._exchange import CaFile, TimeOut
from emixcli.commands._options import Json, Profile, Quiet, Verbose


def command(
    *,
    ca_file: CaFile = None,
    timeout: TimeOut = None,
    profile: Profile = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Make the token worthless and forget it.

    It is forgotten here even where the exchange cannot be reached; then it stays valid there until
    it expires, and the command says so. With `--profile` only a login of that profile ends, never
    the one without a profile that it uses instead.
    """
    del verbose
    from emixcli import config, credentials
    from emixcli.commands._exchange import access
    from emixcli.errors import AuthRequiredError, ExchangeError
    from emixcli.exchange.connect import connect
    from emixcli.services.contact_cache import forget_cache
    from emixcli.ui import console, output

    url = config.load(profile).exchange_url
    revoked = not credentials.borrows_login(url, profile=profile)
    try:
        if revoked:
            connect(access(profile, ca_file=ca_file, timeout=timeout)).logout()
    except AuthRequiredError:
        revoked = False
    except ExchangeError as error:
        credentials.forget(url, profile=profile)
        forget_cache(access(profile))
        raise type(error)(
            f"logged out on this machine only: {error.message}",
            hint="the exchange takes the token until it expires, or until its operator sets a new"
            " password for the account",
        ) from error
    if url:
        credentials.forget(url, profile=profile)
        forget_cache(access(profile))
    if json:
        output.write_json({"schema": "emix.logout/1", "exchange": url or None, "revoked": revoked})
    else:
        console.note("logged out" if revoked else "not logged in", quiet=quiet)
