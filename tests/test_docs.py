"""The documentation says what the code does: commands, options, variables, codes, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperArgument, TyperOption

from emixcli import cli
from tests.running import ROOT
from tools import gen_docs

PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("tests/cli/*.md")]
    if path.is_file()
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(
    r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)|<img[^>]+src=\"([^\"]+)\""
)
_VARIABLE = re.compile(r"(?:environ|envvar|getenv|env)\b[^\n]{0,30}[\"'](EMIX_[A-Z0-9_]+)[\"']")
_TYPES = {"console", "sh", "bash", "shell"}


@cache
def commands() -> dict[str, set[str]]:
    """Every command with the options that it knows."""
    return {
        path: {"-h", "--help"}.union(
            *(
                {*param.opts, *param.secondary_opts}
                for param in command.params
                if isinstance(param, TyperOption)
            )
        )
        for path, command, _context in gen_docs.iter_commands()
    }


@pytest.mark.parametrize("name", ["cli.md", "deidentification.md", "exit-codes.md"])
def test_generated_pages_are_fresh(name: str) -> None:
    path = ROOT / "docs" / "reference" / name
    assert path.read_text("utf-8") == gen_docs.documents()[name], "run python3 dev.py docs"


def test_every_command_is_there_and_says_what_it_does() -> None:
    found = {path: command for path, command, _context in gen_docs.iter_commands()}
    assert {path.split()[1] for path in found} == set(cli.COMMANDS)
    for path, command in found.items():
        assert command.help, f"{path} has no help"
        is_group = hasattr(command, "commands")
        example: str = getattr(command, "example", "")
        assert is_group or example, f"the help of {path} lacks an example"
        for param in command.params:
            if isinstance(param, TyperOption | TyperArgument) and param.name != "help":
                assert param.help, f"{path}: {param.opts[0]} has no help"


def test_every_command_has_json() -> None:
    lacking = [
        path
        for path, command, _context in gen_docs.iter_commands()
        if not getattr(command, "commands", None) and "--json" not in commands()[path]
    ]
    # A server runs until it is stopped: it has no result.
    assert set(lacking) <= {"emix exchange serve"}


def test_examples_are_right() -> None:
    for path, command, _context in gen_docs.iter_commands():
        if example := getattr(command, "example", ""):
            assert example.startswith(path), f"the example of {path} is of another command"
            check_line(example)


def test_every_variable_of_the_source_is_documented() -> None:
    documented = "\n".join(page.read_text("utf-8") for page in PAGES)
    used: set[str] = set()
    for path in (ROOT / "emixcli").rglob("*.py"):
        used |= set(_VARIABLE.findall(path.read_text("utf-8")))
    assert used
    assert not {name for name in used if name not in documented}


def test_documented_lines_call_what_exists() -> None:
    for page in PAGES:
        for line in iter_emix_lines(page.read_text("utf-8")):
            try:
                check_line(line)
            except AssertionError as exc:
                exc.add_note(f"{page.relative_to(ROOT)}: {line}")
                raise


def test_internal_links_resolve() -> None:
    broken = []
    for page in PAGES:
        text = _FENCE.sub("", page.read_text("utf-8"))
        for groups in _LINK.findall(text):
            target, _, anchor = next(filter(None, groups)).partition("#")
            if re.match(r"[a-z]+:", target):
                continue
            path = (page.parent / target).resolve() if target else page
            if not path.exists() or (anchor and anchor not in slugs(path)):
                broken.append(f"{page.relative_to(ROOT)}: {target}#{anchor}")
    assert not broken


def iter_emix_lines(text: str) -> Iterator[str]:
    """Give the commands in a page's shell blocks, continued lines joined."""
    for kind, block in _FENCE.findall(text):
        if kind in _TYPES:
            for line in block.replace("\\\n", " ").splitlines():
                command = line.removeprefix("$ ").strip()
                if command.startswith("emix ") and (kind != "console" or line.startswith("$ ")):
                    yield command


def check_line(line: str) -> None:
    """Fail where a line calls a command or gives an option that there is not."""
    words = shlex.split(re.split(r" [|&;>]|\s#", line)[0])
    path = " ".join(words[:2])
    if words[1].startswith("-") or words[1] == "help":
        return
    assert path in commands(), f"{path} does not exist"
    rest = words[2:]
    while rest and f"{path} {rest[0]}" in commands():
        path, rest = f"{path} {rest[0]}", rest[1:]
    for word in rest:
        option = word.split("=")[0]
        if re.match(r"--?[a-z]", word):
            assert option in commands()[path], f"{path} has no option {option}"


def slugs(page: Path) -> set[str]:
    """Return the anchors of a page's headings as code hosts make them."""
    found: set[str] = set()
    for title in re.findall(r"(?m)^#+ (.+?)\s*$", _FENCE.sub("", page.read_text("utf-8"))):
        slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
        number = 1
        while slug in found:
            slug = f"{slug.rstrip('0123456789').rstrip('-')}-{number}"
            number += 1
        found.add(slug)
    return found
