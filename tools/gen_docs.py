"""Write the generated pages of docs/reference from the code; `--check` only compares."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from typer.core import TyperOption

from emixcli import cli, config, errors
from emixcli.commands._lazy import make_group
from tools import deid_page

if TYPE_CHECKING:
    from typer._click.core import Command, Context

NOTE = "<!-- Written by tools/gen_docs.py; run `python3 dev.py docs`. -->\n"

#: Variables that belong to no option.
ENVIRONMENT = {
    "EMIX_HOME": "folder for settings, keys and state, instead of the platform's places",
    "EMIX_PROFILE": "profile to take settings from",
    "EMIX_TOKEN_FILE": "file that holds a token of the exchange; for scripts",
    "EMIX_TOKEN": "a token itself; weaker, since other programs of the account can read it",
    "EMIX_CA_FILE": "certificate authority of a private exchange (PEM)",
    "EMIX_NO_PROGRESS": "any value: no bar that redraws itself; `CI` and `TERM=dumb` do the same",
    **{f"EMIX_{key.upper()}": what for key, what in config.KEYS.items()},
}
_SETTINGS = """\
## Settings

`emix config set KEY VALUE` writes them to `config.toml`; `emix config list --origin` tells where
each came from. An option wins over the environment, that over the profile (`[profiles.NAME]`,
chosen by `--profile`), that over the user's file, that over the machine's.
"""
_COMPLETION = """
## Completion

Put `eval "$(_EMIX_COMPLETE=source_bash emix)"` into `~/.bashrc`. Other shells: `source_zsh`,
`source_fish`, `source_powershell`.
"""
_ENDINGS = {
    0: ("", "done"),
    1: ("internal", "a bug; the traceback, without data, is in the log file"),
    130: ("interrupted", "stopped by Ctrl-C"),
    143: ("terminated", "stopped by SIGTERM"),
}


def main(argv: list[str]) -> int:
    """Write the files, or compare them with what would be written."""
    stale = []
    for name, text in documents().items():
        path = ROOT / "docs" / "reference" / name
        if path.is_file() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
    if stale:
        print(f"{'stale' if '--check' in argv else 'written'}: {', '.join(stale)}")
    return 1 if stale and "--check" in argv else 0


def documents() -> dict[str, str]:
    """Return the text of each generated file by name."""
    return {
        "cli.md": "\n".join(_cli()),
        "deidentification.md": "\n".join(deid_page.page(NOTE)),
        "exit-codes.md": "\n".join(_exit_codes()),
    }


def error_classes() -> list[type[errors.EmixError]]:
    """Return every class of errors.py that a user can meet, by exit code."""
    found: list[type[errors.EmixError]] = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value)
        and issubclass(value, errors.EmixError)
        and value is not errors.EmixError
    ]
    return sorted(found, key=lambda error: error.exit_code)


def iter_commands() -> Iterator[tuple[str, Command, Context]]:
    """Give every command and subcommand with its path (`emix exchange serve`)."""
    group = make_group(cli.COMMANDS, cli.help_text)
    from typer._click.core import Context

    root = Context(group, info_name="emix", terminal_width=100, help_option_names=["-h", "--help"])
    for name, command in group.load_all().items():
        yield from _walk(f"emix {name}", command, Context(command, parent=root, info_name=name))


def _walk(path: str, command: Command, context: Context) -> Iterator[tuple[str, Command, Context]]:
    yield path, command, context
    for name, child in getattr(command, "commands", {}).items():
        inner = type(context)(child, parent=context, info_name=name)
        yield from _walk(f"{path} {name}", child, inner)


def _cli() -> Iterator[str]:
    yield f"# Commands\n\n{NOTE}"
    yield "Data goes to standard output, everything else to standard error. With `--json` standard"
    yield "output holds one JSON document whose `schema` names it; an error is then one JSON object"
    yield "on standard error. [Exit codes](exit-codes.md) have their own page.\n"
    for path, command, context in iter_commands():
        yield from _command(path, command, context)
    yield _SETTINGS
    yield "| key | means |\n|---|---|"
    yield from (f"| `{key}` | {what} |" for key, what in config.KEYS.items())
    yield _COMPLETION
    yield "## Environment\n"
    yield "Every option can be set by the variable that stands beside it above. Besides those:\n"
    yield "| variable | means |\n|---|---|"
    yield from (f"| `{name}` | {what} |" for name, what in ENVIRONMENT.items())
    yield ""


def _command(path: str, command: Command, context: Context) -> Iterator[str]:
    depth = "#" * min(len(path.split()), 4)
    yield f"{depth} {path}\n"
    if example := getattr(command, "example", ""):
        yield f"```console\n$ {example}\n```\n"
    yield f"{(command.help or '').strip()}\n"
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    yield f"Usage: `{usage}`\n"
    options = [param for param in command.params if isinstance(param, TyperOption)]
    if not options:
        return
    yield "| option | variable | means |\n|---|---|---|"
    for option in options:
        record = option.get_help_record(context)
        if record is None:
            continue
        variables = [option.envvar] if isinstance(option.envvar, str) else option.envvar or []
        shown = ", ".join(f"`{name}`" for name in variables)
        text = record[1].replace("|", "\\|").replace("\n", " ")
        yield f"| `{record[0].strip()}` | {shown} | {text} |"
    yield ""


def _exit_codes() -> Iterator[str]:
    yield f"# Exit codes\n\n{NOTE}"
    yield "A code or id that has been released never changes its meaning. With `--json` the error's"
    yield "`id`, `message` and `hint` are one JSON object on standard error.\n"
    yield "| code | id | means |\n|--:|---|---|"
    rows = dict(_ENDINGS)
    for error in error_classes():
        rows[error.exit_code] = (error.id, (inspect.getdoc(error) or "").rstrip("."))
    for code, (name, means) in sorted(rows.items()):
        shown = f"`{name}`" if name else ""
        yield f"| {code} | {shown} | {means[:1].lower() + means[1:]} |"
    yield ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
