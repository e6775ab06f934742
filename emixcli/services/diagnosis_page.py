"""The diagnosis of a medium as one page without script and network, for who burned the disc."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Final

from emixcli.htmlpage import listing, page, table
from emixcli.media.report import date_text, finding_rows, summary
from emixcli.words import size_text, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from emixcli.media.losses import Loss
    from emixcli.model import FileSet
    from emixcli.services.diagnose import Diagnosis, Medium
    from emixcli.services.strips import Strip

_STYLE: Final = """
figure{margin:.5rem 0}figcaption,.key{font-size:.85rem;color:#51606e}
.verdict{padding:.6rem 1rem;border-radius:6px;background:#e8f3ec;font-weight:600}
.verdict.bad{background:#fbe9e7}.verdict.doubt{background:#fdf3dc}
.series{display:grid;grid-template-columns:6rem 1fr;gap:.8rem;align-items:start}
.series img{width:6rem;height:6rem;object-fit:contain;background:#000;border-radius:4px}
.cells{display:flex;flex-wrap:wrap;gap:1px;padding:3px;background:#f3f5f7;border-radius:4px}
.cells b,.key b{display:block;width:7px;height:12px;box-sizing:border-box}
.cells b,.key b{print-color-adjust:exact;-webkit-print-color-adjust:exact}
.key b{display:inline-block;margin-right:.35em}
.whole{background:#3f7f5f}.used{background:#9db4c7}.damaged{background:#d9822b}
.missing,.bad{background:#b3261e}.free{background:#e4e8ec}.gap{border:1.5px solid #b3261e}
.key span{display:inline-block;margin-right:1.2rem}
td[data-head=What]{min-width:16rem}td,th,li{overflow-wrap:anywhere}th{overflow-wrap:normal}
@media (max-width:40rem){table,tbody,tr,td{display:block}thead{display:none}td{border:0}
tr{border-bottom:1px solid #d5dce3;padding:.4rem 0}td.n{text-align:left}
td,td[data-head=What]{padding:.1rem 0;min-width:0}
td:empty{display:none}td::before{content:attr(data-head) ": ";color:#51606e}
.series{grid-template-columns:1fr}}
@media print{.series{break-inside:avoid}}
"""
_MAP_CELLS: Final = 1200
_STATES: Final = {
    "whole": "whole",
    "damaged": "partly lost",
    "missing": "named by the disc, not there",
    "gap": "gap between slices",
}


def render(
    diagnosis: Diagnosis,
    *,
    thumbnails: Mapping[str, bytes],
    version: str,
    checked: datetime,
    strict: bool = False,
) -> str:
    """Return the page.

    Parameters
    ----------
    thumbnails
        PNG files by series UID.
    checked
        When the media were looked at.
    strict
        Show notes as well.
    """
    file_set = diagnosis.file_set
    parts = [
        "<p><strong>This page shows patient data.</strong></p>",
        f"<p>{escape(_occasion(diagnosis, checked))}</p>",
        f'<p class="verdict{_colour(diagnosis)}">{escape(verdict(diagnosis))}</p>',
        f"<p>{escape(summary(file_set))}.</p>",
        *_requests(diagnosis),
        *_findings(file_set, strict=strict),
        *(_map(medium) for medium in diagnosis.media if medium.size),
        *(["<h2>Series</h2>", _key()] if diagnosis.strips else []),
        *_studies(diagnosis, thumbnails),
        *_losses(diagnosis),
        f"<p class=key>Made by emix {escape(version)}.</p>",
    ]
    return page("What is on this disc", parts, style=_STYLE, has_pictures=True)


def _occasion(diagnosis: Diagnosis, checked: datetime) -> str:
    """Return when which media were looked at, and how closely."""
    names = ", ".join(medium.label or medium.name for medium in diagnosis.media)
    how = "every byte was read" if diagnosis.full else "headers and lengths were read"
    return f"{names}: checked on {checked:%Y-%m-%d at %H:%M}, {how}."


def _colour(diagnosis: Diagnosis) -> str:
    if not diagnosis.file_set.patients or not diagnosis.is_whole:
        return " bad"
    return " doubt" if diagnosis.n_gaps else ""


def verdict(diagnosis: Diagnosis) -> str:
    """Return in a few sentences what is lost: what is known, and what is estimated."""
    if not diagnosis.file_set.patients and not diagnosis.n_lost:
        return "No images that can be read."
    parts = []
    if n := diagnosis.n_lost:
        parts.append(f"{some(n, 'image')} {_are(n)} lost in whole or in part.")
    if n := len(diagnosis.other_files):
        parts.append(f"{some(n, 'file')} cannot be read of which nothing else is known.")
    if diagnosis.file_set.has_lost_names:
        parts.append("Directories are lost: nothing tells all that was there.")
    if n := diagnosis.n_gaps:
        seem = "seems" if n == 1 else "seem"
        parts.append(
            f"About {some(n, 'slice')} {seem} to be missing: an estimate from the positions of the"
            " others."
        )
    if parts:
        return " ".join(parts)
    how = "every byte was read" if diagnosis.full else "headers and lengths were checked"
    return f"Nothing is missing, as far as can be seen: {how}."


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def _requests(diagnosis: Diagnosis) -> list[str]:
    lines = diagnosis.requests
    if not lines:
        return []
    return [
        "<h2>Please send again</h2>",
        listing(lines),
    ]


def _findings(file_set: FileSet, *, strict: bool) -> list[str]:
    rows = [row[:5] for row in finding_rows(file_set, strict=strict)]
    if not rows:
        return []
    # What to do is for whoever has the medium; this page is for who made it.
    head = ("Code", "Severity", "Count", "What", "Where")
    return ["<h2>Findings</h2>", table(head, rows)]


def _map(medium: Medium) -> str:
    """Draw a medium from its first to its last byte, also where a copy ends too early."""
    states = ["free"] * _MAP_CELLS
    for ranges, state in ((medium.used, "used"), (medium.bad, "bad")):
        for start, stop in ranges:
            first = start * _MAP_CELLS // medium.end
            last = min(max(first, (stop - 1) * _MAP_CELLS // medium.end), _MAP_CELLS - 1)
            states[first : last + 1] = [state] * (last + 1 - first)
    cells = "".join(f"<b class={state}></b>" for state in states)
    n_bad = sum(stop - start for start, stop in medium.bad)
    words = f"{size_text(medium.end)}, of which {size_text(n_bad)} cannot be read"
    if medium.end > medium.size:
        words += f" ({size_text(medium.end - medium.size)} are behind the end of this copy)"
    return (
        f"<h2>Map of {escape(medium.label or 'the disc')}</h2><figure>"
        f"<div class=cells role=img aria-label='{words}'>{cells}</div><figcaption>{words}. "
        "Grey-blue: files. Red: cannot be read.</figcaption></figure>"
    )


def _key() -> str:
    marks = "".join(
        f"<span><b class={state} aria-hidden=true></b>{words}</span>"
        for state, words in _STATES.items()
    )
    return f"<p class=key>{marks}</p>"


def _studies(diagnosis: Diagnosis, thumbnails: Mapping[str, bytes]) -> Iterable[str]:
    shown = None
    for strip in diagnosis.strips:
        if shown is None or strip.study_uid != shown.study_uid:
            yield f"<h3>{escape(_study_words(strip))}</h3>"
        shown = strip
        yield _series(strip, thumbnails.get(strip.uid))


def _study_words(strip: Strip) -> str:
    name = strip.patient.replace("^", " ").strip() or "(no name)"
    parts = [name, date_text(strip.date), strip.description]
    if strip.study is None:
        parts.append("nothing of this study is here")
    return " · ".join(part for part in parts if part)


def _series(strip: Strip, thumbnail: bytes | None) -> str:
    series = strip.series
    title = [f"Series {strip.number or 'without number'}"]
    if series is not None:
        title += [series.text("Modality"), series.text("SeriesDescription")]
    n = len(strip.cells) - strip.count("gap")
    words = f"{strip.count('whole')} of {some(n, 'image')} {_are(n)} whole"
    if n_gaps := strip.count("gap"):
        words += f"; gaps with room for about {n_gaps}"
    image = ""
    if thumbnail:
        data = base64.b64encode(thumbnail).decode()
        image = f'<img alt="" src="data:image/png;base64,{data}">'
    cells = "".join(
        f'<b class={cell.state} title="{escape(_cell_words(cell.number, cell.state))}"></b>'
        for cell in strip.cells
    )
    return (
        f"<div class=series><div>{image}</div><div><strong>"
        f"{escape(' · '.join(part for part in title if part))}</strong><figure>"
        f"<div class=cells role=img aria-label='{words}'>{cells}</div>"
        f"<figcaption>{words}</figcaption></figure></div></div>"
    )


def _cell_words(number: str, state: str) -> str:
    return f"image {number}: {_STATES[state]}" if number else _STATES[state]


def _lost_words(loss: Loss) -> str:
    return size_text(loss.bytes_lost) if loss.ranges else "its content"


def _losses(diagnosis: Diagnosis) -> list[str]:
    if not diagnosis.losses:
        return []
    rows = [
        [loss.path, size_text(loss.size), _lost_words(loss), loss.series_number,
         loss.instance_number]
        for loss in diagnosis.losses
    ]  # fmt: skip
    head = ("File", "Size", "Lost", "Series", "Image")
    return ["<h2>Files with lost bytes</h2>", table(head, rows)]
