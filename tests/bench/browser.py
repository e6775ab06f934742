"""Rows about the viewer, in Chromium: a package served by nginx opens itself by Range requests."""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import data
from tests.bench.exchange import nginx
from tests.bench.measure import run
from tests.bench.setting import EMIX, Bench

#: Runs of which the median counts.
_RUNS = 7

Measured = tuple[str, bool, str, dict[str, str]]

#: Types the code, and notes milliseconds since the navigation.
_PLAY = """
const CODE = %s, TYPING_MS = %d, seen = window.benchTimes = {};
const type = field => {
  seen.submitted = performance.now();
  field.value = CODE;
  field.dispatchEvent(new Event('input', {bubbles: true}));
  field.form.requestSubmit();
};
new MutationObserver(() => {
  const field = document.querySelector('.code-input');
  if (field && !seen.asked) {
    seen.asked = performance.now();
    if (TYPING_MS) setTimeout(type, TYPING_MS, field);
    else type(field);
  }
  if (!seen.shown && document.querySelector('.viewport[data-shown]')) {
    seen.shown = performance.now();
    seen.key = performance.getEntriesByName('emix-key')[0]?.duration ?? 0;
    const all = performance.getEntriesByType('resource');
    seen.requests = all.filter(({name}) => name.startsWith('http')).length + 1;
    console.info('emix-bench shown');
  }
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
#: Goes on by one image whenever the last one stands on the canvas.
_SCROLL = """
n => new Promise(done => {
  const viewport = document.querySelector('.viewport');
  const first = viewport.dataset.shown, begun = performance.now();
  let count = 0;
  const next = () => document.activeElement.dispatchEvent(
    new KeyboardEvent('keydown', {key: 'ArrowDown', code: 'ArrowDown', bubbles: true}));
  new MutationObserver(() => {
    count += 1;
    if (count >= n) done(count / (performance.now() - begun) * 1000);
    else next();
  }).observe(viewport, {attributes: true, attributeFilter: ['data-shown']});
  next();
})
"""
#: A browser that has just been started is busy with itself.
_SETTLE_MS = 700
#: A person types a code in no less.
_TYPING_MS = 3000
#: Without it no measurement could be above the 60 images a second that a screen shows.
_UNCAPPED = ("--disable-frame-rate-limit", "--disable-gpu-vsync")
_LINE = {"offline": False, "latency": 30, "downloadThroughput": 50e6 / 8, "uploadThroughput": 5e6}


@contextlib.contextmanager
def _served(bench: Bench) -> Iterator[tuple[str, str, int]]:
    """Give address, access code and size of a package of about 500 MB."""
    n = bench.n(1800)
    source, place = bench.place(f"ct{n}"), bench.place("browser")
    data.ct_series(source, n)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    package, code = place / "bench.emix.html", place / "code"
    try:
        run([*EMIX, "pack", source, "-o", package, "--code-out", code, "-q"],
            env={"EMIX_HOME": str(place / "home")})  # fmt: skip
        with nginx(place, package) as url:
            (place / "nginx" / "root" / "file").rename(place / "nginx" / "root" / "file.html")
            size = package.stat().st_size
            yield f"{url}.html", code.read_text("ascii").strip(), size
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _chromium(*more: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program if Path(program).exists() else None,
            args=["--no-sandbox", *more],
        )
        yield browser
        browser.close()


def _open(
    browser: Any, url: str, code: str, *, slow: bool, typing_ms: int = 0
) -> tuple[Any, dict[str, float]]:
    """Open the package in a fresh context and return the page and its times in ms."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(_PLAY % (json.dumps(code), typing_ms))
    if slow:
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", _LINE)
    page.wait_for_timeout(_SETTLE_MS)
    # Playwright's ways to wait run 300 KB of script in the page while it starts.
    with page.expect_console_message(_is_shown, timeout=60_000):
        page.goto(url, wait_until="commit")
    return page, page.evaluate("() => window.benchTimes")


def _is_shown(message: Any) -> bool:
    return bool(message.text == "emix-bench shown")


def _first(bench: Bench, *, slow: bool, budget_s: float) -> Measured:
    with _served(bench) as (url, code, size), _chromium() as browser:
        runs, by_hand = [], []
        for _ in range(_RUNS):
            page, times = _open(browser, url, code, slow=slow)
            runs.append(times)
            page.context.close()
            page, times = _open(browser, url, code, slow=slow, typing_ms=_TYPING_MS)
            by_hand.append(times["asked"] + times["shown"] - times["submitted"])
            page.context.close()
    shown, asked, key = (
        statistics.median(times[name] for times in runs) / 1000
        for name in ("shown", "asked", "key")
    )
    details = {
        "package": f"{size / 1e6:.0f} MB, {runs[0]['requests']:.0f} requests",
        "until the field for the access code": f"{asked:.2f} s",
        "from there to the image": f"{shown - asked:.2f} s",
        "of that the key derivation (Argon2id, 64 MiB)": f"{key:.2f} s",
        f"of {_RUNS} runs": ", ".join(f"{times['shown'] / 1000:.2f}" for times in runs) + " s",
        "what a person waits who types the code by hand": (
            f"{statistics.median(by_hand) / 1000:.2f} s, before the field and after the code"
        ),
    }
    return f"{shown:.2f} s", shown <= budget_s, "Chromium, code typed by a script", details


def first_image(bench: Bench) -> Measured:
    """Measure from the navigation to the first image, on this machine."""
    return _first(bench, slow=False, budget_s=0.3)


def first_image_slow(bench: Bench) -> Measured:
    """Measure the same over an emulated line of 50 Mbit/s and 30 ms."""
    return _first(bench, slow=True, budget_s=0.6)


def scroll(bench: Bench) -> Measured:
    """Measure how many slices a second are fetched, decrypted, decoded and drawn."""
    with _served(bench) as (url, code, _):
        free = _rates(url, code, bench.n(400), *_UNCAPPED)
        usual = _rates(url, code, bench.n(400))
    details = {
        "of three times": ", ".join(f"{each:.0f}" for each in free) + " slices/s",
        "with a screen of 60 Hz": ", ".join(f"{each:.1f}" for each in usual) + " slices/s",
    }
    rate = statistics.median(free)
    return f"{rate:.0f} slices/s", rate >= 60, "Chromium, image after image by key", details


def _rates(url: str, code: str, n: int, *options: str) -> list[float]:
    """Scroll through n new images, three times."""
    with _chromium(*options) as browser:
        page, _times = _open(browser, url, code, slow=False)
        page.wait_for_timeout(1500)
        page.keyboard.press("Home")
        page.wait_for_timeout(500)
        return [float(page.evaluate(_SCROLL, n)) for _ in range(3)]
