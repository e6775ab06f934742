"""What `emix download` says: what would come, what came, that a code is mailed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emixcli.exchange.connect import Access
    from emixcli.services.download import Downloaded


def request_code(how: Access, link: str, *, json: bool) -> None:
    """Have a code mailed, and do nothing else."""
    from emixcli.exchange.address import parse_link
    from emixcli.exchange.connect import connect_link
    from emixcli.ui import console, output

    connect_link(parse_link(link), how).request_code()
    if json:
        output.write_json({"schema": "emix.download/1", "code_requested": True})
    else:
        console.note(
            "if the link is valid, a code comes to the mailbox that got it, within a minute"
        )


def dry_run(how: Access, target: str, *, json: bool) -> None:
    """Tell what would come; a link says nothing before its code is given."""
    from emixcli.exchange.address import is_link, parse_link
    from emixcli.exchange.connect import connect
    from emixcli.ui import output
    from emixcli.words import size_text

    package_id, size = None, None
    if is_link(target):
        parse_link(target)
    else:
        package = connect(how).package(target)
        package_id, size = package.package_id, package.size
    if json:
        output.write_json(
            {"schema": "emix.download/1", "dry_run": True, "package_id": package_id, "size": size}
        )
    else:
        known = (
            f"package {package_id}, {size_text(size or 0)}" if package_id else "what the link gives"
        )
        output.write_line(f"would download {known}; nothing was written")


def show(found: Downloaded, folder: Path | None, *, json: bool) -> None:
    """Show what came."""
    from emixcli.ui import console, output
    from emixcli.words import size_text, some

    if json:
        document = {
            "schema": "emix.download/1",
            "package_id": found.package_id,
            "file": str(found.path),
            "folder": None if folder is None else str(folder),
            "size": found.size,
            "verified": True,
            "counts": found.counts,
            "losses": found.losses,
            "documents_lost": found.documents_lost,
        }
        output.write_json(document)
        return
    output.write_line(str(found.path))
    if folder is not None:
        output.write_line(str(folder))
    console.note(f"{size_text(found.size)}, every byte checked")
    n_lost = found.counts.get("lost", 0)
    if n_lost:
        console.warn(f"lost when the package was made: {some(n_lost, 'object')}")
