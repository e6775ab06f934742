"""The diagnosis of a medium as one page without script and network, for who burned the disc."""

from __future__ import annotations

import base64
from html import escape
from typing import TYPE_CHECKING, Final

from emixcli.htmlpage import listing, page, table
from emixcli.media.report import date_text, finding_rows, summary
from emixcli.words import size_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emixcli.model import FileSet, Study
    from emixcli.services.diagnose import Diagnosis, Medium, Strip

_STYLE: Final = """
svg{display:block;width:100%;height:auto;background:#f3f5f7;border-radius:4px}
figure{margin:.5rem 0}figcaption,.key{font-size:.85rem;color:#51606e}
.verdict{padding:.6rem 1rem;border-radius:6px;background:#e8f3ec;font-weight:600}
.verdict.bad{background:#fbe9e7}
.series{display:grid;grid-template-columns:6rem 1fr;gap:.8rem;align-items:start}
.series img{width:6rem;height:6rem;object-fit:contain;background:#000;border-radius:4px}
.whole{fill:#3f7f5f}.used{fill:#9db4c7}.damaged{fill:#d9822b}.missing,.bad{fill:#b3261e}
.gap{fill:none;stroke:#b3261e;stroke-width:1.2}
svg.mark{display:inline-block;width:.8em;background:none;margin-right:.35em}
.key span{display:inline-block;margin-right:1.2rem}
@media print{.series{break-inside:avoid}}
"""
_COLUMNS: Final = 120
_ROWS: Final = 12
_STATES: Final = {
    "whole": "whole",
    "damaged": "partly lost",
    "missing": "named by the disc, not there",
    "gap": "gap between slices",
}


def render(
    diagnosis: Diagnosis, *, thumbnails: Mapping[str, bytes], version: str, strict: bool = False
) -> str:
    """Return the page.

    Parameters
    ----------
    thumbnails
        PNG files by series UID.
    strict
        Show notes as well.
    """
    file_set = diagnosis.file_set
    n_lost = sum(
        strip.count(state) for strip in diagnosis.strips for state in ("damaged", "missing", "gap")
    )
    is_bad = bool(diagnosis.requests or diagnosis.losses or file_set.unreadable)
    parts = [
        "<p><strong>This page shows patient data.</strong></p>",
        f'<p class="verdict{" bad" if is_bad else ""}">{_verdict(diagnosis, n_lost)}</p>',
        f"<p>{escape(summary(file_set))}.</p>",
        *_requests(diagnosis),
        *_findings(file_set, strict=strict),
        *(_map(medium) for medium in diagnosis.media if medium.size),
        "<h2>Series</h2>",
        _key(),
        *_studies(diagnosis, thumbnails),
        *_losses(diagnosis),
        f"<p class=key>Made by emix {escape(version)}.</p>",
    ]
    return page("What is on this disc", parts, style=_STYLE, has_pictures=True)


def _verdict(diagnosis: Diagnosis, n_lost: int) -> str:
    if not diagnosis.file_set.patients:
        return "No images that can be read."
    if diagnosis.requests and not n_lost:
        return "A part of the disc is lost; of the images that are known, none."
    if n_lost:
        if diagnosis.is_cut:
            return (
                "A part of the disc is lost; of the images that are known, "
                f"{n_lost} in whole or in part."
            )
        return f"{n_lost} {'image is' if n_lost == 1 else 'images are'} lost in whole or in part."
    if diagnosis.losses or diagnosis.file_set.unreadable:
        return "All images that the disc names can be read; other files are damaged."
    how = "every byte was read" if diagnosis.full else "headers and lengths were checked"
    return f"Nothing is missing, as far as can be seen: {how}."


def _requests(diagnosis: Diagnosis) -> list[str]:
    lines = diagnosis.requests
    if not lines:
        return []
    return [
        "<h2>Please send again</h2>",
        listing(lines),
    ]


def _findings(file_set: FileSet, *, strict: bool) -> list[str]:
    rows = finding_rows(file_set, strict=strict)
    if not rows:
        return []
    head = ("Code", "Severity", "Count", "What", "Where", "What to do")
    return ["<h2>Findings</h2>", table(head, rows)]


def _map(medium: Medium) -> str:
    """Draw a medium from its first to its last byte, row after row."""
    n = _COLUMNS * _ROWS
    states = [""] * n
    for ranges, state in ((medium.used, "used"), (medium.bad, "bad")):
        for start, stop in ranges:
            first = start * n // medium.size
            last = max(first, (stop - 1) * n // medium.size)
            states[first : last + 1] = [state] * (min(last, n - 1) - first + 1)
    cells = "".join(
        f"<rect class={state} x={at % _COLUMNS * 8} y={at // _COLUMNS * 12} width=7 height=11 />"
        for at, state in enumerate(states[:n])
        if state
    )
    n_bad = sum(stop - start for start, stop in medium.bad)
    words = f"{size_text(medium.size)}, of which {size_text(n_bad)} cannot be read"
    return (
        f"<h2>Map of the disc</h2><figure><svg role=img aria-label='{words}' "
        f"viewBox='0 0 {_COLUMNS * 8} {_ROWS * 12}'>{cells}</svg>"
        f"<figcaption>{words}. Grey-blue: files. Red: cannot be read.</figcaption></figure>"
    )


def _key() -> str:
    marks = "".join(
        f"<span><svg class=mark aria-hidden=true viewBox='0 0 8 8'><rect class={state} x=1 y=1 "
        f"width=6 height=6 /></svg>{words}</span>"
        for state, words in _STATES.items()
    )
    return f"<p class=key>{marks}</p>"


def _studies(diagnosis: Diagnosis, thumbnails: Mapping[str, bytes]) -> Iterable[str]:
    shown: Study | None = None
    for strip in diagnosis.strips:
        if strip.study is not shown:
            shown = strip.study
            yield f"<h3>{escape(_study_words(shown))}</h3>"
        yield _series(strip, thumbnails.get(strip.uid))


def _study_words(study: Study) -> str:
    first = study.series[0].instances[0]
    parts = [
        first.text("PatientName").replace("^", " ").strip() or "(no name)",
        date_text(study.text("StudyDate")),
        study.text("StudyDescription"),
    ]
    return " · ".join(part for part in parts if part)


def _series(strip: Strip, thumbnail: bytes | None) -> str:
    series = strip.series
    title = [f"Series {strip.number or 'without number'}"]
    if series is not None:
        title += [series.text("Modality"), series.text("SeriesDescription")]
    n_whole = strip.count("whole")
    words = f"{n_whole} of {len(strip.cells)} images are whole"
    image = ""
    if thumbnail:
        data = base64.b64encode(thumbnail).decode()
        image = f'<img alt="" src="data:image/png;base64,{data}">'
    return (
        f"<div class=series><div>{image}</div><div><strong>"
        f"{escape(' · '.join(part for part in title if part))}</strong>"
        f"<figure>{_strip_svg(strip, words)}<figcaption>{words}</figcaption></figure></div></div>"
    )


def _strip_svg(strip: Strip, words: str) -> str:
    per_row = 100
    n_rows = -(-len(strip.cells) // per_row)
    cells = "".join(
        f"<rect class={cell.state} x={at % per_row * 8 + 1} y={at // per_row * 14 + 1} width=6 "
        f"height=11><title>{escape(_cell_words(cell.number, cell.state))}</title></rect>"
        for at, cell in enumerate(strip.cells)
    )
    return (
        f"<svg role=img aria-label='{words}' viewBox='0 0 {per_row * 8} {max(n_rows, 1) * 14}'>"
        f"{cells}</svg>"
    )


def _cell_words(number: str, state: str) -> str:
    return f"image {number}: {_STATES[state]}" if number else _STATES[state]


def _losses(diagnosis: Diagnosis) -> list[str]:
    if not diagnosis.losses:
        return []
    rows = [
        [loss.path, size_text(loss.size), size_text(loss.bytes_lost), loss.series_number,
         loss.instance_number]
        for loss in diagnosis.losses
    ]  # fmt: skip
    head = ("File", "Size", "Lost", "Series", "Image")
    return ["<h2>Files with lost bytes</h2>", table(head, rows)]
