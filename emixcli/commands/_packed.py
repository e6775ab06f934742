"""What `emix pack` says: warnings, the plan, the result, the code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emixcli.commands._deid import Anonymizing
    from emixcli.services.pack import PackResult, Prepared


def warn(prepared: Prepared, output: Path) -> None:
    """Say what would surprise the recipient."""
    from emixcli.ui import console

    sender = prepared.plan.sender
    if not (sender.name or sender.organisation):
        console.warn(
            "the package does not say who sends it; set it once:"
            " emix config set sender_name 'NAME', emix config set organisation 'NAME'"
        )
    if output.suffix.lower() not in {".html", ".htm"}:
        console.warn("a double click opens the package only where its name ends in .html")


def show_plan(prepared: Prepared, *, json: bool) -> None:
    """Show what would be packed."""
    from emixcli.commands._media import counts_text, plan_json
    from emixcli.ui import output as out
    from emixcli.words import size_text

    plan = prepared.plan
    if json:
        out.write_json({"schema": "emix.pack/1", **plan_json(plan)})
        return
    out.write_line(counts_text(plan.counts))
    out.write_line(f"at most {size_text(plan.size_bound)}; nothing was written")


def tell_code(code: str | None) -> None:
    """Show a generated code, this once."""
    from emixcli.ui import console

    if code is None:
        return
    console.note(f"access code: {code}")
    console.note("It is shown this once. Give it to the recipient by telephone.")


def show(result: PackResult, output: Path, *, told: Anonymizing, json: bool) -> None:
    """Show what was made; raises `PartialError` where something is missing in it."""
    from emixcli.commands._deid import note_second_look
    from emixcli.commands._media import counts_text, note_left_out, require_whole
    from emixcli.ui import console
    from emixcli.ui import output as out
    from emixcli.words import size_text

    if json:
        out.write_json(_document(result, output, told))
    else:
        out.write_line(str(output))
        console.note(f"{counts_text(result.package.counts)}; {size_text(result.package.size)}")
        note_second_look(result.prepared.choice.deid_report, where="it")
    note_left_out(result.prepared.choice)
    require_whole("the package is made", result.package, result.prepared.choice)


def _document(result: PackResult, output: Path, told: Anonymizing) -> dict[str, Any]:
    from emixcli.commands._media import choice_json, made_json

    return {
        "schema": "emix.pack/1",
        **made_json(result.package),
        "file": str(output),
        **told.as_json(),
        **choice_json(result.prepared.choice),
        "slots": result.slot_kinds,
        "dicomdir_invented": dict(result.prepared.plan.invented),
    }
