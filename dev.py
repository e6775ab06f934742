#!/usr/bin/env python3
"""Everything a developer or a CI runs, on a machine with nothing but Python 3.11.

    python3 dev.py demo [--once]     set up, then run the whole way from a made-up CD to a browser
    python3 dev.py test [ARGS…]      set up, then all checks; with ARGS only `pytest ARGS…`
    python3 dev.py lint [--fix]      formatter, linter, import contracts, types
    python3 dev.py docs              write the generated parts of docs/
    python3 dev.py bench [ARGS…]     measure; results go to docs/benchmarks.md
    python3 dev.py fuzz [ARGS…]      ten minutes of bytes on which a reader may fail

Set-up makes `.venv` from requirements/dev.txt (versions and hashes, any index) with uv, which is
fetched into `.tools` where it is not installed, and builds the viewer. Where it is root on a
Debian, it installs the programs that the tests use; elsewhere it names them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
#: Caches of what is fetched stay in the checkout, where its user did not say otherwise.
CACHES = {"UV_CACHE_DIR": "uv-cache", "npm_config_cache": "npm-cache"}
WINDOWS = sys.platform == "win32"
#: Programs that the tests use, and the Debian package of each; then those of the benchmarks.
PROGRAMS = {"chromium": "chromium", "firefox-esr": "firefox-esr", "dcmdump": "dcmtk",
            "dciodvfy": "dicom3tools", "7zz": "7zip", "xorriso": "xorriso",
            "pg_ctlcluster": "postgresql"}  # fmt: skip
PEERS = {"curl": "curl", "nginx": "nginx-light", "gdcmanon": "libgdcm-tools"}
#: Files whose change asks for a new set-up.
INPUTS = ("requirements/dev.txt", "requirements/node.txt", "pyproject.toml", "hatch_build.py")


def main(argv: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    functions: list[Callable[[list[str]], int]] = [demo, test, lint, docs, bench, fuzz]
    commands = {function.__name__: function for function in functions}
    if not argv or argv[0] not in commands:
        print(__doc__)
        return 0 if argv[:1] in (["-h"], ["--help"]) else 2
    os.chdir(ROOT)
    for name, folder in CACHES.items():
        os.environ.setdefault(name, str(TOOLS / folder))
    try:
        return commands[argv[0]](list(argv[1:]))
    except subprocess.CalledProcessError as exc:
        say(f"failed with exit code {exc.returncode}: {' '.join(map(str, exc.cmd))}")
        return 1
    except KeyboardInterrupt:
        return 130  # the child has said so already


def demo(arguments: list[str]) -> int:
    """Set up and run the main job."""
    set_up()
    return call(python(), "-m", "emixcli", "demo", *arguments)


def test(arguments: list[str]) -> int:
    """Set up and run all checks, or only the Python tests that are named."""
    install_programs(PROGRAMS)
    set_up()
    if arguments:
        return call(python(), "-m", "pytest", *arguments)
    viewer = (python(), "hatch_build.py", "run")
    steps = {
        **lint_steps(fix=False),
        "viewer types": (*viewer, "check"),
        "viewer lint": (*viewer, "lint"),
        "viewer tests": (*viewer, "test"),
        "docs": (python(), "tools/gen_docs.py", "--check"),
        "tests": (python(), "-m", "pytest", "-q", "-n", "2", "--dist", "worksteal"),
    }
    return run_steps(steps)


def lint(arguments: list[str]) -> int:
    """Set up and run the static checks; with --fix, repair what can be repaired."""
    set_up()
    return run_steps(lint_steps(fix="--fix" in arguments))


def docs(arguments: list[str]) -> int:
    """Write what is generated from the code."""
    set_up()
    return call(python(), "tools/gen_docs.py", *arguments)


def bench(arguments: list[str]) -> int:
    """Measure against the peers of this machine."""
    install_programs({**PROGRAMS, **PEERS})
    set_up()
    return call(python(), "-m", "tests.bench", *arguments)


def fuzz(arguments: list[str]) -> int:
    """Fuzz every reader of foreign bytes: by atheris where it can be installed."""
    set_up()
    folder = TOOLS / "fuzz" / "atheris"
    if sys.platform == "linux" and not folder.exists():
        pip = (*find_uv(), "pip", "install", "--quiet", "--python", python())
        lock = ("--require-hashes", "-r", "requirements/fuzz.txt")
        if call(*pip, "--target", str(folder), *lock):
            say("atheris cannot be installed here; mutations without guidance are used")
    paths = (str(ROOT), str(folder), os.environ.get("PYTHONPATH", ""))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return call(python(), "-m", "tests.fuzz", *arguments)


def lint_steps(*, fix: bool) -> dict[str, tuple[str, ...]]:
    """Return the static checks by name."""
    ruff = (python(), "-m", "ruff")
    return {
        "format": (*ruff, "format", *([] if fix else ["--check"]), "."),
        "lint": (*ruff, "check", *(["--fix"] if fix else []), "."),
        "imports": (str(Path(python()).with_name("lint-imports")),),
        "types": (python(), "-m", "mypy"),
    }


def run_steps(steps: dict[str, tuple[str, ...]]) -> int:
    """Run every step, also after a failure, and tell at the end which failed."""
    failed = []
    for name, command in steps.items():
        say(name)
        begun = time.monotonic()
        if call(*command) != 0:
            failed.append(name)
        say(f"{name}: {time.monotonic() - begun:.0f} s")
    say(f"failed: {', '.join(failed)}" if failed else "all checks passed")
    return 1 if failed else 0


def set_up() -> None:
    """Make the environment, and the viewer, where their inputs changed."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before anything is installed
        sys.exit("emix needs Python 3.11 or newer")
    digest = hashlib.sha256(sys.version.encode())
    for name in INPUTS:
        digest.update((ROOT / name).read_bytes())
    stamp = VENV / "emix-set-up"
    if not stamp.is_file() or stamp.read_text("ascii") != digest.hexdigest():
        say("setting up .venv")
        uv = find_uv()
        if not Path(python()).exists():
            run(*uv, "venv", "--quiet", "--python", sys.executable, str(VENV))
        pip = (*uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python())
        run(*pip, "--require-hashes", "-r", "requirements/dev.txt")
        if shutil.which("npm") is None:
            run(*pip, "--require-hashes", "-r", "requirements/node.txt")
        run(*pip, "--no-deps", "--no-build-isolation", "--editable", ".")
        stamp.write_text(digest.hexdigest(), "ascii")
    run(python(), "hatch_build.py")
    # A shell that keeps Python from writing bytecode would compile every module at each start.
    run(python(), "-m", "compileall", "-q", "emixcli")


def find_uv() -> list[str]:
    """Return how to call uv; fetched into .tools where it is not installed."""
    uv = shutil.which("uv")
    # A shim of a version manager can be on PATH and not work.
    if uv is not None and call(uv, "--version") == 0:
        return [uv]
    inside = TOOLS / ("Scripts" if WINDOWS else "bin")
    if not (inside / "uv").exists() and not (inside / "uv.exe").exists():
        # Debian splits ensurepip off; a venv without pip always works, and pip can fill it.
        run(sys.executable, "-m", "venv", "--without-pip", str(TOOLS))
        target = str(inside / ("python.exe" if WINDOWS else "python"))
        pip = (sys.executable, "-m", "pip", "--python", target, "install", "--quiet")
        run(*pip, "--disable-pip-version-check", "--require-hashes", "-r", "requirements/uv.txt")
    return [str(inside / "uv")]


def install_programs(programs: dict[str, str]) -> None:
    """Install programs, where this is root on a Debian; else name what is missing."""
    missing = sorted({package for name, package in programs.items() if shutil.which(name) is None})
    apt = shutil.which("apt-get")
    if not missing:
        return
    if apt is None or not hasattr(os, "geteuid") or os.geteuid() != 0:
        say(f"missing: {' '.join(missing)}; the tests that need them are skipped")
        say(f"to run them: sudo apt-get install --no-install-recommends {' '.join(missing)}")
        return
    say(f"installing {' '.join(missing)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run([apt, "update", "-qq"], env=env, check=True)
    install = [apt, "install", "-qq", "-y", "--no-install-recommends", *missing]
    subprocess.run(install, env=env, check=True, stdout=subprocess.DEVNULL)


def python() -> str:
    """Return the environment's Python."""
    return str(VENV / ("Scripts/python.exe" if WINDOWS else "bin/python"))


def call(*command: str) -> int:
    """Run a command and return its exit code."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, cwd=ROOT, check=True)


def say(text: str) -> None:
    """Print one line of our own."""
    print(f"dev: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
