"""Typer commands that are imported when they run.

The group knows every command's name and one line of help from the table in `emixcli.cli`; the
module of a command is imported in `get_command`. Built with Typer's public `get_command` and
`get_group`, whose signatures have been stable.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command as build_command
from typer.main import get_group as build_group

from emixcli.errors import UsageError

if TYPE_CHECKING:
    # Typer's own copy of click has no public names for these, which its methods take.
    from typer._click.core import Command, Context
    from typer._click.formatting import HelpFormatter

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Row(Protocol):
    """What the table says of a command."""

    @property
    def module(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def example(self) -> str: ...


class EmixCommand(TyperCommand):
    """A command whose help starts with an example."""

    example = ""

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the example, then what Typer writes."""
        if self.example:
            formatter.write(f"Example: {self.example}\n\n")
        super().format_help(ctx, formatter)

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the usage without the braces that Typer puts around what is required."""
        pieces = super().collect_usage_pieces(ctx)
        return [re.sub(r"[{}]", "", piece).replace("…...", "…") for piece in pieces]


class HelpfulGroup(TyperGroup):
    """A group that shows its help on standard error where no command is named."""

    example = ""

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the example, then what Typer writes."""
        if self.example:
            formatter.write(f"Example: {self.example}\n\n")
        super().format_help(ctx, formatter)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write what each command does: its first sentence, wrapped and never cut."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, _first_sentence(found.help or "")) for name, found in commands if found]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Take the arguments, or show the help and end as for any wrong usage."""
        if not args and not ctx.resilient_parsing:
            sys.stderr.write(ctx.get_help() + "\n")
            ctx.exit(UsageError.exit_code)
        return super().parse_args(ctx, args)


class LazyGroup(HelpfulGroup):
    """The group `emix`, whose commands are loaded one by one."""

    table: Mapping[str, _Row]
    help_text: Callable[[], str]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Return the command, importing its module now."""
        del ctx
        return self.load(cmd_name) if cmd_name in self.table else None

    def load(self, name: str) -> Command:
        """Import and build the command `name`.

        Raises
        ------
        UsageError
            The installation lacks the module.
        """
        row = self.table[name]
        try:
            module = importlib.import_module(row.module)
        except ModuleNotFoundError as exc:
            if exc.name != row.module:
                raise
            msg = f"this installation has no command {name}"
            raise UsageError(msg, hint="install emixcli again") from exc
        app: typer.Typer | None = getattr(module, "app", None)
        command = _build_group(app) if app is not None else _build_command(module.command)
        command.name = name
        _give_examples(command, {"": row.example, **getattr(module, "EXAMPLES", {})})
        _name_environment(command, f"EMIX_{name}")
        return command

    def load_all(self) -> dict[str, Command]:
        """Import and build every command whose module is there, for the documentation."""
        found = {}
        for name, row in self.table.items():
            if importlib.util.find_spec(row.module) is not None:
                found[name] = self.load(name)
        return found

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names of all commands, loaded or not."""
        del ctx
        return list(self.table)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the help that needs no command to be loaded."""
        del ctx
        formatter.write(self.help_text())


def make_group(table: Mapping[str, _Row], help_text: Callable[[], str]) -> LazyGroup:
    """Return the group `emix` over `table`."""
    group = LazyGroup(
        name="emix",
        commands={name: TyperCommand(name, short_help=row.help) for name, row in table.items()},
        rich_markup_mode=None,
        context_settings=dict(_SETTINGS),
    )
    group.table, group.help_text = table, help_text
    return group


def environment_name(prefix: str, option: str) -> str:
    """Return the variable of an option: `EMIX_PACK`, `--code-file` → `EMIX_PACK_CODE_FILE`."""
    return f"{prefix}_{option.lstrip('-')}".upper().replace("-", "_")


def _build_command(callback: Callable[..., Any]) -> Command:
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(cls=EmixCommand, help=_prose(callback))(callback)
    return build_command(app)


def _build_group(app: typer.Typer) -> Command:
    app.rich_markup_mode = None
    app.pretty_exceptions_enable = False
    _prepare(app)
    return build_group(app)


def _prepare(app: typer.Typer) -> None:
    for info in app.registered_commands:
        if info.cls in {None, TyperCommand}:
            info.cls = EmixCommand
        if info.help is None and info.callback is not None:
            info.help = _prose(info.callback)
    app.info.cls = HelpfulGroup
    for child in app.registered_groups:
        if child.typer_instance is not None:
            _prepare(child.typer_instance)


def _give_examples(command: Command, examples: Mapping[str, str], path: str = "") -> None:
    """Set the example of a command, and of the subcommands that a module's `EXAMPLES` names."""
    if isinstance(command, EmixCommand | HelpfulGroup):
        command.example = examples.get(path, "")
    for name, child in getattr(command, "commands", {}).items():
        _give_examples(child, examples, f"{path} {name}".strip())


def _prose(callback: Callable[..., Any]) -> str:
    """Return the docstring up to its first NumPy section."""
    lines: list[str] = []
    for line in (inspect.getdoc(callback) or "").splitlines():
        if lines and set(line) == {"-"}:
            return "\n".join(lines[:-1]).strip()
        lines.append(line)
    return "\n".join(lines).strip()


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s", " ".join(text.split()), maxsplit=1)[0]


def _name_environment(command: Command, prefix: str) -> None:
    """Let every option of `command` and of its subcommands be set from the environment."""
    for option in command.params:
        if not isinstance(option, TyperOption) or option.is_eager:
            continue
        long = next((name for name in option.opts if name.startswith("--")), option.opts[0])
        given = [option.envvar] if isinstance(option.envvar, str) else list(option.envvar or ())
        option.envvar = [*given, environment_name(prefix, long)]
        option.allow_from_autoenv = False
        option.show_envvar = False
    for name, child in getattr(command, "commands", {}).items():
        _name_environment(child, f"{prefix}_{name}")
