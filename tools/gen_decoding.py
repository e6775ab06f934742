"""Writes docs/reference/decoding.md: what the viewer's codecs make of pydicom's test files."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))


def main() -> None:
    """Decode everything in Chromium and write the page."""
    from playwright.sync_api import sync_playwright

    from tests.e2e import pixels
    from tests.e2e.conftest import _CHROMIUM

    instances = pixels.existing(pixels.pydicom_files().values())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "images.emix.html"
        sample = pixels.write_sample(instances, path, bundle=pixels.build_probe())
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        pixels.unlock(page, path.as_uri(), sample.code)
        rows = pixels.compare_all(page, sample, instances)
        browser.close()
    (ROOT / "docs" / "reference" / "decoding.md").write_text(pixels.table(rows), "utf-8")
    wrong = [row for row in rows if not row.is_right]
    print(f"{len(rows)} frames, {len(wrong)} wrong")
    for row in wrong:
        print(row)


if __name__ == "__main__":
    main()
