"""The report as one page of HTML that needs nothing else: no script, no network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any

from emixcli.deid.options import SiteRules
from emixcli.deid.report import ACTIONS

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
body{color:#1c2733}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d5dce3;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
code{font-size:.85em;overflow-wrap:anywhere}
.good{color:#0b6b3a}.bad{color:#b3261e;font-weight:600}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render(report: Mapping[str, Any]) -> str:
    """Return the page for a document of `Report.as_dict`."""
    profile, counts = report["profile"], report["counts"]
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name=viewport content="width=device-width">',
        f"<title>De-identification report</title><style>{_STYLE}</style></head><body>",
        "<h1>De-identification report</h1>",
        _summary(report),
        "<h2>Profile</h2>",
        _table(
            ("Code", "Profile or option"),
            ([f"{code['value']} ({code['scheme']})", code["meaning"]] for code in profile["codes"]),
        ),
        _site_rules(profile),
        "<h2>Risks that remain</h2>",
        _list(risk["text"] for risk in report["risks"]),
        _accepted(report),
        _refused(report["refused"]),
        *_second_look(report["verification"]),
        "<h2>Actions</h2>",
        _table(
            ("Action", "Meaning", "Count"),
            ([key, ACTIONS.get(key, ""), n] for key, n in counts["actions"].items()),
        ),
        "<h2>Attributes</h2>",
        _table(
            ("Tag", "Attribute", "Action", "Count"),
            (
                [row["tag"], row["name"], row["action"], row["count"]]
                for row in report["attributes"]
            ),
        ),
        "<h2>Objects</h2>",
        _table(
            ("File", "Bytes", "SHA-256"),
            ([row["name"], row["size"], row["sha256"]] for row in report["outputs"]),
        ),
        "</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def _summary(report: Mapping[str, Any]) -> str:
    tool, counts, check = report["tool"], report["counts"], report["verification"]
    if check["verified"]:
        seen = f"<span class=good>verified: {check['objects']} objects, nothing found</span>"
    elif check["objects"]:
        seen = f"<span class=bad>only {check['objects']} objects were verified</span>"
    else:
        seen = "<span class=bad>not verified</span>"
    return (
        f"<p>{escape(tool['name'])} {escape(tool['version'])}, {escape(tool['standard'])}. "
        f"{counts['read']} objects read, {counts['written']} written, {counts['refused']} refused; "
        f"{seen}. The key was {escape(report['profile']['key'])}.</p>"
    )


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
    if profile["max_shift_days"] != SiteRules.max_shift_days:
        rows.append(["dates", "", f"move by up to {profile['max_shift_days']} days", ""])
    if not rows:
        return ""
    return "<h2>Rules of the site</h2>" + _table(
        ("What", "Attribute", "Action", "Note"), rows, bad=3
    )


def _accepted(report: Mapping[str, Any]) -> str:
    found = report["accepted_risks"]
    if not found:
        return ""
    reason = escape(report["profile"]["accept_risk"] or "")
    rows = ([key, n] for key, n in found.items())
    return f"<h2>Risks that were accepted</h2><p>Reason given: {reason}</p>" + _table(
        ("Risk", "Objects"), rows
    )


def _refused(refused: Sequence[Mapping[str, str]]) -> str:
    if not refused:
        return ""
    rows = ([row["file"], row["id"], row["message"]] for row in refused)
    return "<h2>Refused</h2>" + _table(("Input", "Reason", "In words"), rows)


def _second_look(check: Mapping[str, Any]) -> Iterator[str]:
    heads = ("Kind", "Where", "How", "Count")
    for name, title in (
        ("repairs", f"Found by the second look and taken out, in {check['repaired']} objects"),
        ("leaks", "Found by the second look in what therefore did not go out"),
    ):
        rows = [[row["kind"], row["where"], row["how"], row["count"]] for row in check[name]]
        if rows:
            yield f"<h2 class=bad>{title}</h2>" + _table(heads, rows)


def _list(lines: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, bad: int = -1) -> str:
    """Return a table; numbers stand right, the column `bad` in red."""
    out = ["<table><thead><tr>", *(f"<th>{escape(head)}</th>" for head in heads), "</tr></thead>"]
    for row in rows:
        cells = []
        for column, value in enumerate(row):
            kind = " class=n" if isinstance(value, int) else " class=bad" if column == bad else ""
            text = escape(str(value))
            is_code = isinstance(value, str) and len(value) == 64
            cells.append(f"<td{kind}>{f'<code>{text}</code>' if is_code else text}</td>")
        out.append(f"<tr>{''.join(cells)}</tr>")
    return "".join([*out, "</table>"])
