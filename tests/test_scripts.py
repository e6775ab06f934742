"""Runs the scripts in tests/cli; their README says what a line means."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.running import EmixProcess, Result

SCRIPTS = sorted((Path(__file__).parent / "cli").glob("*.txt"))


class Script:
    """One script in its folder."""

    def __init__(self, text: str, work: Path) -> None:
        self.work = work
        self.env: dict[str, str] = {}
        self.stdin = ""
        self.last = Result(0, "", "")
        script, *files = re.split(r"(?m)^-- (\S+) --\n", text)
        self.lines = script.splitlines()
        for name, content in zip(files[::2], files[1::2], strict=True):
            self.path(name).parent.mkdir(parents=True, exist_ok=True)
            self.path(name).write_text(content, "utf-8")

    def path(self, name: str) -> Path:
        return self.work / name

    def steps(self) -> Iterator[tuple[int, str, list[str]]]:
        for number, line in enumerate(self.lines, 1):
            words = shlex.split(line.replace("$WORK", str(self.work)), comments=True)
            if words:
                yield number, words[0], words[1:]

    def run(self) -> None:
        for number, word, arguments in self.steps():
            try:
                self.step(word, arguments)
            except AssertionError as exc:
                exc.add_note(f"line {number}: {word} {shlex.join(arguments)}")
                exc.add_note(f"stdout: {self.last.stdout}\nstderr: {self.last.stderr}")
                raise

    def step(self, word: str, arguments: list[str]) -> None:
        refused = word.startswith("!")
        name = word.removeprefix("!")
        if word == "emix":
            self.emix(arguments, code=0)
        elif refused and name.isdecimal():
            assert arguments[0] == "emix", "only emix can be expected to fail"
            self.emix(arguments[1:], code=int(name))
        elif name in {"stdout", "stderr"}:
            found = re.search(arguments[0], getattr(self.last, name), re.MULTILINE)
            assert bool(found) != refused, f"{name} {'has' if refused else 'lacks'} the pattern"
        elif name == "exists":
            for argument in arguments:
                assert self.path(argument).exists() != refused, argument
        else:
            getattr(self, f"do_{word}")(*arguments)

    def emix(self, arguments: list[str], *, code: int) -> None:
        stdin, self.stdin = self.stdin, ""
        self.last = EmixProcess(self.work)(*arguments, stdin=stdin, env=self.env)
        assert self.last.code == code, f"exit code {self.last.code}, expected {code}"

    def do_cmp(self, first: str, second: str) -> None:
        content = self.last.stdout.encode() if first == "stdout" else self.path(first).read_bytes()
        assert content == self.path(second).read_bytes(), f"{first} and {second} differ"

    def do_stdin(self, name: str) -> None:
        self.stdin = self.path(name).read_text("utf-8")

    def do_env(self, *pairs: str) -> None:
        for name, _, value in (pair.partition("=") for pair in pairs):
            self.env[name] = value

    def do_study(self, folder: str, *settings: str) -> None:
        from tests import builders

        keys = dict(setting.split("=", 1) for setting in settings)
        phi = builders.OTHER_CANARY if keys.pop("patient", "1") != "1" else builders.CANARY
        numbers: dict[str, Any] = {key: int(value) for key, value in keys.items()}
        builders.study(self.path(folder), phi=phi, **numbers)

    def do_mkdir(self, *names: str) -> None:
        for name in names:
            self.path(name).mkdir(parents=True)

    def do_cp(self, source: str, target: str) -> None:
        if self.path(source).is_dir():
            shutil.copytree(self.path(source), self.path(target), dirs_exist_ok=True)
        else:
            shutil.copy(self.path(source), self.path(target))

    def do_rm(self, name: str) -> None:
        shutil.rmtree(self.path(name)) if self.path(name).is_dir() else self.path(name).unlink()

    def do_truncate(self, name: str, size: str) -> None:
        os.truncate(self.path(name), int(size))

    def do_chmod(self, mode: str, name: str) -> None:
        self.path(name).chmod(int(mode, 8))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_script(path: Path, tmp_path: Path) -> None:
    Script(path.read_text("utf-8"), tmp_path).run()
