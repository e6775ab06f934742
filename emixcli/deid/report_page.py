"""The report as one page of HTML that needs nothing else: no script, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from emixcli.deid.options import NO_RULES
from emixcli.deid.report import ACTIONS
from emixcli.htmlpage import listing, page, table
from emixcli.words import some

#: Of a long list the reader opens what is wanted.
_SHORT: Final = 10


def render(report: Mapping[str, Any]) -> str:
    """Return the page for a document of `Report.as_dict`."""
    profile, counts = report["profile"], report["counts"]
    parts = [
        _summary(report),
        "<h2>Profile</h2>",
        table(
            ("Code", "Profile or option"),
            ([f"{code['value']} ({code['scheme']})", code["meaning"]] for code in profile["codes"]),
        ),
        _site_rules(profile),
        "<h2>Risks that remain</h2>",
        listing(risk["text"] for risk in report["risks"]),
        _accepted(report),
        _refused(report["refused"]),
        *_second_look(report["verification"]),
        "<h2>Actions</h2>",
        table(
            ("Action", "Meaning", "Count"),
            ([key, ACTIONS.get(key, ""), n] for key, n in counts["actions"].items()),
        ),
        "<h2>Attributes</h2>",
        table(
            ("Tag", "Attribute", "Action", "Count"),
            (
                [row["tag"], row["name"], row["action"], row["count"]]
                for row in report["attributes"]
            ),
        ),
        "<h2>Objects</h2>",
        _objects(report["outputs"]),
    ]
    return page("De-identification report", parts)


def _summary(report: Mapping[str, Any]) -> str:
    tool, counts, check = report["tool"], report["counts"], report["verification"]
    objects = some(check["objects"], "object")
    if check["verified"] and any(risk["id"] == "site" for risk in report["risks"]):
        seen = f"verified: {objects}, nothing but what rules of the site keep"
    elif check["verified"]:
        seen = f"<span class=good>verified: {objects}, nothing found</span>"
    elif check["objects"]:
        were = "was" if check["objects"] == 1 else "were"
        seen = f"<span class=bad>only {objects} {were} verified</span>"
    else:
        seen = "<span class=bad>not verified</span>"
    return (
        f"<p>{escape(tool['name'])} {escape(tool['version'])}, {escape(tool['standard'])}. "
        f"Made on {escape(report['date'])}. "
        f"{some(counts['read'], 'object')} read, {counts['written']} written,"
        f" {counts['refused']} refused; "
        f"{seen}. The key was {escape(report['profile']['key'])}.{_left_out(report)}</p>"
    )


def _left_out(report: Mapping[str, Any]) -> str:
    """Return what of the media did not even come to be de-identified."""
    n_reports, n_missing = report["left_out"]["reports"], report["left_out"]["missing"]
    words = f" Left out: {some(n_reports, 'report')} beside the images." if n_reports else ""
    if n_missing:
        words += f" Not on the media: {some(n_missing, 'object')} that their directory names."
    return words


def _site_rules(profile: Mapping[str, Any]) -> str:
    rows = [
        [
            rule["tag"],
            rule["name"],
            rule["action"],
            "looser than the profile" if rule["looser"] else "",
        ]
        for rule in profile["site_rules"]
    ]
    rows += [
        [row["tag"], row["creator"], "K", "private, looser than the profile"]
        for row in profile["site_private"]
    ]
    rows += [[uid, "", "accepted", "outside the standard"] for uid in profile["site_sop_classes"]]
    rows += [[rule, "", "regions to blacken", ""] for rule in profile["site_pixel_rules"]]
    if profile["max_shift_days"] != NO_RULES.max_shift_days:
        rows.append(["dates", "", f"move by up to {profile['max_shift_days']} days", ""])
    if not rows:
        return ""
    return "<h2>Rules of the site</h2>" + table(
        ("What", "Attribute", "Action", "Note"), rows, bad=3
    )


def _accepted(report: Mapping[str, Any]) -> str:
    found = report["accepted_risks"]
    if not found:
        return ""
    reason = escape(report["profile"]["accept_risk"] or "")
    rows = ([key, n] for key, n in found.items())
    return f"<h2>Risks that were accepted</h2><p>Reason given: {reason}</p>" + table(
        ("Risk", "Objects"), rows
    )


def _refused(refused: Sequence[Mapping[str, str]]) -> str:
    if not refused:
        return ""
    groups: dict[tuple[str, str], list[str]] = {}
    for row in refused:
        groups.setdefault((row["id"], row["message"]), []).append(row["file"])
    return "<h2>Refused</h2>" + "".join(
        _folded(f"{len(files)} x {reason}: {message}", listing(files), len(files))
        for (reason, message), files in groups.items()
    )


def _folded(title: str, inner: str, n: int) -> str:
    """Return a part that is shown at once only where it is short."""
    is_open = " open" if n <= _SHORT else ""
    return f"<details{is_open}><summary>{escape(title)}</summary>{inner}</details>"


def _objects(outputs: Sequence[Mapping[str, Any]]) -> str:
    rows = ([row["name"], row["size"], row["sha256"]] for row in outputs)
    inner = table(("File", "Bytes", "SHA-256"), rows)
    return _folded(f"{len(outputs)} written", inner, len(outputs))


def _second_look(check: Mapping[str, Any]) -> Iterator[str]:
    heads = ("Kind", "Where", "How", "Count")
    for name, title in (
        ("repairs", f"Found by the second look and taken out, in {check['repaired']} objects"),
        ("leaks", "Found by the second look in what therefore did not go out"),
    ):
        rows = [[row["kind"], row["where"], row["how"], row["count"]] for row in check[name]]
        if rows:
            yield f"<h2 class=bad>{title}</h2>" + table(heads, rows)
