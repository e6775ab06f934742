"""`emix version`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from emixcli import __version__
from emixcli.commands._options import Json

FORMATS = ("emix/1",)
LIBRARIES = ("pydicom", "numpy", "cryptography", "pyzipper", "isal", "requests", "typer")


def command(
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Python, system, libraries.")] = False,
    json: Json = False,
) -> None:
    """Show the version of emix and, with --verbose, of what it stands on."""
    from emixcli.ui import output

    details = _details() if verbose or json else {}
    if json:
        output.write_json({"schema": "emix.version/1", "version": __version__, **details})
        return
    output.write_line(f"emix {__version__}")
    if verbose:
        libraries = details.pop("libraries")
        for name, value in {**details, **libraries}.items():
            shown = ", ".join(value) if isinstance(value, list) else value
            output.write_line(f"{name:<13} {shown}")


def _details() -> dict[str, Any]:
    import platform

    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "formats": list(FORMATS),
        "libraries": {name: installed_version(name) for name in LIBRARIES},
    }


def installed_version(name: str) -> str:
    """Return the version of an installed distribution, or `-`."""
    import importlib.metadata

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "-"
