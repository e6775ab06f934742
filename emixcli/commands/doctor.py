"""`emix doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from emixcli.commands._options import Json, Profile


def command(
    *,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the exchange.")] = False,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Check this installation: versions, viewer, settings, space, keyring, exchange.

    The report holds no patient data, no token and no account name. It ends with 3 where a check
    failed.
    """
    from emixcli.errors import PartialError
    from emixcli.services import doctor
    from emixcli.ui import output

    checks = []
    for check in doctor.examine(profile, offline=offline):
        checks.append(check)
        if not json:
            output.write_hanging(f"{check.state:<8} {check.name:<12} ", check.detail)
            if check.hint:
                output.write_hanging(" " * 22, check.hint)
    if json:
        document = {
            "schema": "emix.doctor/1",
            "checks": [
                {
                    "name": check.name,
                    "state": check.state,
                    "detail": check.detail,
                    "hint": check.hint,
                }
                for check in checks
            ],
        }
        output.write_json(document)
    failed = sum(check.state == doctor.FAILED for check in checks)
    if failed:
        raise PartialError(
            f"{failed} of {len(checks)} checks failed", hint="what to do stands under each of them"
        )
