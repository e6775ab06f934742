"""`emix config`: show and change settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._options import Json, Profile

if TYPE_CHECKING:
    from emixcli.config import Setting

app = typer.Typer(help="Show and change settings.")

EXAMPLES = {
    "get": "emix config get exchange_url",
    "set": "emix config set sender_name 'CT reading room'",
    "unset": "emix config unset sender_name --profile night",
    "list": "emix config list --origin",
}

Key = Annotated[str, typer.Argument(metavar="KEY", help="Name of the setting: sender_name.")]


@app.command("get")
def get(key: Key, *, profile: Profile = None, json: Json = False) -> None:
    """Show one setting."""
    from emixcli import config
    from emixcli.ui import output

    key = _normal(key)
    config.check(key, "")
    setting = next(entry for entry in config.origins(profile) if entry.key == key)
    if json:
        output.write_json({"schema": "emix.config/1", "settings": [_as_json(setting)]})
    else:
        output.write_line(setting.value)


@app.command("set")
def set_(
    key: Key,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="The new value.")],
    *,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Set one setting, in the user's file."""
    from emixcli import config

    _saved(str(config.save(_normal(key), value, profile=profile)), json=json)


@app.command("unset")
def unset(key: Key, *, profile: Profile = None, json: Json = False) -> None:
    """Remove one setting from the user's file."""
    from emixcli import config

    _saved(str(config.save(_normal(key), None, profile=profile)), json=json)


@app.command("list")
def list_(
    *,
    origin: Annotated[
        bool, typer.Option("--origin", help="Tell where each value is from.")
    ] = False,
    profile: Profile = None,
    json: Json = False,
) -> None:
    """Show all settings."""
    from emixcli import config
    from emixcli.ui import output

    settings = config.origins(profile)
    if json:
        document = {
            "schema": "emix.config/1",
            "file": str(config.config_path()),
            "settings": [_as_json(setting) for setting in settings],
        }
        output.write_json(document)
        return
    rows = [(entry.key, entry.value or "-", entry.origin) for entry in settings]
    output.write_table([row if origin else row[:2] for row in rows])


def _normal(key: str) -> str:
    return key.strip().lower().replace("-", "_").replace(".", "_")


def _as_json(setting: Setting) -> dict[str, str]:
    return {"key": setting.key, "value": setting.value, "origin": setting.origin}


def _saved(path: str, *, json: bool) -> None:
    from emixcli.ui import console, output

    if json:
        output.write_json({"schema": "emix.config/1", "file": path})
    else:
        console.note(f"saved in {path}")
