"""The rows of the benchmark: each measures one budget of the design."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.bench import browser, deid, exchange, media, packing
from tests.bench.report import Result
from tests.bench.setting import Bench

__all__ = ["ROWS", "Bench", "Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row: what it measures, its budget, and how."""

    what: str
    budget: str
    run: Callable[[Bench], tuple[str, bool, str, dict[str, str]]]
    name: str

    def measure(self, bench: Bench) -> Result:
        value, holds, command, details = self.run(bench)
        return Result(self.name, self.what, self.budget, value, holds, command, details)


_ROWS: tuple[Row, ...] = (
    Row("`emix --help`, piped", "≤ 100 ms CPU", media.help_time, "help"),
    Row("scan, 2,000 files, warm", "≥ 20x pydicom, ≥ 1.3x fastdicom, ≥ 0.12 of the"
        " floor", media.scan, "scan"),
    Row("every byte of a medium, 0.5 GB, cold", "≥ 0.9 of reading alone", media.verify, "verify"),
    Row("a DICOMDIR for 2,000 files, warm", "≤ 2x dcmmkdir", media.dicomdir, "dicomdir"),
    Row("a disc without directories, 0.5 GB, warm", "carving ≥ 500 MB/s", media.carve, "carve"),
    Row("de-identify 300 slices of CT", "≤ 2x cp -r in one process, ≤ 1x in two; not slower than"
        " gdcmanon; ≥ 5x tools on pydicom; ≤ 60 MB", deid.anonymize, "anonymize"),
    Row("de-identify one object of 2 GB", "≤ 60 MB", deid.multiframe, "anonymize-large"),
    Row("pack CT, 0.3 and 1.3 GB", "≥ 5x 7zz on two threads, ≥ 20x pyzipper, size within 6 %",
        packing.pack, "pack"),
    Row("memory, 20 GB of multi-frame objects", "≤ 150 MB", packing.memory, "memory"),
    Row("memory, 200,000 files", "≤ 150 MB", packing.many, "many"),
    Row("upload to the embedded exchange", "≥ 1.3x curl -T", exchange.upload, "upload"),
    Row("download from it", "≥ 0.75x nginx sendfile", exchange.download, "download"),
    Row("CD to shared link", "≤ 1.15x the slowest stage", exchange.send, "send"),
    Row("first image, 500 MB package, local", "≤ 0.3 s", browser.first_image, "first"),
    Row("first image, 50 Mbit/s and 30 ms", "≤ 0.6 s", browser.first_image_slow, "first-slow"),
    Row("scrolling 512x512x16", "≥ 60 slices/s", browser.scroll, "scroll"),
)  # fmt: skip

ROWS: dict[str, Row] = {row.name: row for row in _ROWS}
