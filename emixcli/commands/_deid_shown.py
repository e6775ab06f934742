"""The forms of `emix anonymize` that de-identify nothing: a key, a rule, the whole profile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emixcli.commands._deid_key import make_key

if TYPE_CHECKING:
    from pathlib import Path

    from emixcli.anonymize import Explanation, Profile

Explain = Annotated[
    str | None,
    typer.Option(
        "--explain",
        metavar="TAG",
        help="Tell what happens to an attribute, and by which rule.",
    ),
]
ProfileDoc = Annotated[
    bool, typer.Option("--profile-doc", help="Write the whole profile as a table (Markdown).")
]


def show(profile: Profile, *, new_key: Path | None, explain: str | None, json: bool) -> None:
    """Do the first of these that is asked for: make a key, explain, write the profile."""
    if new_key is not None:
        make_key(new_key)
    elif explain is not None:
        _explain_tag(explain, profile, json=json)
    else:
        _write_profile(profile, json=json)


def _explain_tag(text: str, profile: Profile, *, json: bool) -> None:
    from emixcli.anonymize import explain, find_tag
    from emixcli.ui import output

    found = explain(find_tag(text), profile)
    if json:
        output.write_json({"schema": "emix.anonymize-explain/1", **_row_json(found)})
        return
    output.write_line(f"({found.tag >> 16:04X},{found.tag & 0xFFFF:04X}) {found.name}".rstrip())
    output.write_line(f"  {found.words}")
    output.write_line(f"  {found.rule}")


def _row_json(row: Explanation) -> dict[str, str]:
    tag = f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})"
    texts = {"name": row.name, "action": row.action, "words": row.words, "rule": row.rule}
    return {"tag": tag, **texts}


def _write_profile(profile: Profile, *, json: bool) -> None:
    from emixcli.anonymize import profile_rows
    from emixcli.ui import output

    if json:
        rows = (_row_json(row) for row in profile_rows(profile))
        output.write_json({"schema": "emix.anonymize-profile/1", "attributes": rows})
        return
    output.write_line("| tag | attribute | action | what happens | rule |")
    output.write_line("|---|---|---|---|---|")
    for row in profile_rows(profile):
        tag = f"({row.tag >> 16:04X},{row.tag & 0xFFFF:04X})"
        output.write_line(f"| {tag} | {row.name} | {row.action} | {row.words} | {row.rule} |")
