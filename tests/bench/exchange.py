"""Rows about the exchange: a private one, on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emixcli.errors import UsageError
from emixcli.exchange.connect import Access, connect
from emixcli.exchange.interface import Part
from emixcli.services.demo import RECIPIENT, Demo
from tests.bench import data
from tests.bench.measure import Run, best, cpu_of, peak_of, run
from tests.bench.setting import EMIX, Bench

Measured = tuple[str, bool, str, dict[str, str]]

_NGINX = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  sendfile on;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; root {folder}/root; }}
}}
"""


@dataclass(frozen=True, slots=True)
class Private:
    """A running exchange and a package to bring there."""

    demo: Demo
    package: Path
    package_id: str
    folder: Path  # what the package was made of
    env: dict[str, str]


@contextlib.contextmanager
def private(bench: Bench, n: int, package: Path | None = None) -> Iterator[Private]:
    """Start an exchange, and pack n slices where no package is given."""
    source, place = bench.place(f"ct{n}"), bench.place("exchange")
    data.ct_series(source, n)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        with Demo(place) as demo:
            demo.start_exchange()
            env = {"EMIX_HOME": str(place / "home")}
            if package is None:
                package = place / "bench.emix.html"
                demo.run("pack", source, "-o", package, "--code-out", place / "code", "--json")
            package_id = demo.run("inspect", package, "--json")["package_id"]
            yield Private(demo, package, package_id, source, env)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Served:
    """What the exchange spent on one upload."""

    ours: Run
    curl: Run
    cpu_ours: float
    cpu_curl: float
    peak: int


def upload(bench: Bench) -> Measured:
    """Compare `emix upload` with one PUT of the same bytes by curl, for two sizes of package."""
    small, large = (_uploads(bench, bench.n(n)) for n in (1000, 3000))
    ratios, details = [], {}
    for size, served in (small, large):
        ours = min((one.ours for one in served), key=lambda run: run.wall_s)
        curl = min((one.curl for one in served), key=lambda run: run.wall_s)
        ratios.append(curl.wall_s / ours.wall_s)
        name = f"{size / 1e6:.0f} MB"
        cpu = min(one.cpu_ours for one in served), min(one.cpu_curl for one in served)
        details[f"emix upload, {name}, with start, hashes and seal"] = (
            f"{_spent(ours, size, cpu[0])}, {ours.peak / 1e6:.0f} MB of memory"
        )
        details[f"curl -T, {name}"] = _spent(curl, size, cpu[1])
    details["memory of the exchange"] = f"{max(one.peak for one in large[1]) / 1e6:.0f} MB"
    measured = ", ".join(f"{ratio:.2f}x curl" for ratio in ratios)
    return measured, min(ratios) >= 1.3, "emix upload FILE", details


def _spent(done: Run, size: int, cpu_s: float) -> str:
    rate = size / 1e6 / done.wall_s
    processor = f"processor {done.cpu_s:.2f} s and {cpu_s:.2f} s at the exchange"
    return f"{done.wall_s:.2f} s, {rate:.0f} MB/s, {processor}"


def _uploads(bench: Bench, n: int) -> tuple[int, list[Served]]:
    """Upload a package to three new exchanges, since one takes it once; its size."""
    package = bench.place(f"upload{n}.emix.html")
    package.unlink(missing_ok=True)
    try:
        with private(bench, n) as it:
            shutil.move(it.package, package)
        served = []
        for _ in range(3):
            with private(bench, n, package) as it:
                served.append(_upload(it, package.stat().st_size))
        return package.stat().st_size, served
    finally:
        package.unlink(missing_ok=True)


def _upload(it: Private, size: int) -> Served:
    server = it.demo.pid
    before = cpu_of(server)
    ours = run([*EMIX, "upload", it.package, "--json", "-q"], env=it.env)
    between = cpu_of(server)
    curl = _curl_put(it, size)
    return Served(ours, curl, between - before, cpu_of(server) - between, peak_of(server))


def _curl_put(it: Private, size: int) -> Run:
    """PUT the whole package as one part of another package that is never sealed."""
    old = os.environ.get("EMIX_HOME")
    os.environ["EMIX_HOME"] = it.env["EMIX_HOME"]
    try:
        exchange = connect(Access())
        package_id = _new_id()
        exchange.create_package(package_id, part_size=1 << 30, size_bound=size)
        md5 = hashlib.md5(it.package.read_bytes(), usedforsecurity=False).hexdigest()
        (signed,) = exchange.sign_parts(package_id, [Part(1, size, md5)])
    finally:
        if old is None:
            del os.environ["EMIX_HOME"]
        else:
            os.environ["EMIX_HOME"] = old
    url = signed.url if "://" in signed.url else it.demo.url + signed.url
    headers = [f"-H{name}: {value}" for name, value in signed.headers.items()]
    done = run(["curl", "-sf", "-T", it.package, *headers, "-o", os.devnull, url])
    exchange.delete_package(package_id)
    return done


def _new_id() -> str:
    return "".join(secrets.choice("0123456789abcdefghjkmnpqrstvwxyz") for _ in range(25)) + "0"


def download(bench: Bench) -> Measured:
    """Compare the exchange's content with nginx, both fetched by curl."""
    with private(bench, bench.n(1000)) as it:
        sent = run([*EMIX, "upload", it.package, "--json", "-q"], env=it.env)
        assert it.package_id in sent.stdout
        size = it.package.stat().st_size
        token = _token(it)
        url = f"{it.demo.url}/v1/packages/{it.package_id}/content"
        header = f"Authorization: Bearer {token}"
        with nginx(it.demo.folder, it.package) as other:
            pairs = [
                (
                    run(["curl", "-sf", "-H", header, "-o", os.devnull, url]).wall_s,
                    run(["curl", "-sf", "-o", os.devnull, other]).wall_s,
                )
                for _ in range(5)
            ]
    ours, theirs = (min(times) for times in zip(*pairs, strict=True))
    ratio = theirs / ours
    details = {
        "exchange": f"{ours:.2f} s, {size / 1e6 / ours:.0f} MB/s",
        "nginx, sendfile": f"{theirs:.2f} s, {size / 1e6 / theirs:.0f} MB/s",
        "package": f"{size / 1e6:.0f} MB",
    }
    command = "curl EXCHANGE/v1/packages/ID/content"
    return f"{ratio:.2f}x nginx", ratio >= 0.75, command, details


def _token(it: Private) -> str:
    """Return a fresh token of the sender."""
    password = (it.demo.folder / "password").read_text("ascii").strip()
    exchange = connect(Access(url=it.demo.url), login=False)
    return exchange.login("ct@hospital.example", password).token


@contextlib.contextmanager
def nginx(folder: Path, file: Path) -> Iterator[str]:
    """Serve one file by nginx; give its address."""
    import socket
    import time

    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = folder / "nginx"
    (place / "root").mkdir(parents=True)
    (place / "root" / "file").hardlink_to(file)
    place.joinpath("nginx.conf").write_text(_NGINX.format(folder=place, port=port), "ascii")
    folder.chmod(0o755)
    process = subprocess.Popen(
        [program, "-c", str(place / "nginx.conf"), "-g", "user root;"],
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}/file"
    finally:
        process.terminate()
        process.wait()


def send(bench: Bench) -> Measured:
    """Compare the whole send with the slowest of its stages, each alone."""
    with private(bench, bench.n(1000)) as it:
        size = data.ct_series(it.folder, bench.n(1000))
        scan = best(2, lambda: run([*EMIX, "scan", it.folder, "--json"], env=it.env))
        it.package.unlink()
        code = it.demo.folder / "code"
        code.unlink()
        pack = run([*EMIX, "pack", it.folder, "-o", it.package, "--code-out", code, "-q"],
                   env=it.env)  # fmt: skip
        up = run([*EMIX, "upload", it.package, "-q", "--json"], env=it.env)
        before = cpu_of(it.demo.pid)
        whole = run(
            [*EMIX, "send", it.folder, "--to", RECIPIENT, "--confirm-to", RECIPIENT, "--purpose",
             "treatment", "--hold", "0", "--code-out", it.demo.folder / "code2", "--yes", "-q"],
            env=it.env,
        )  # fmt: skip
        served = cpu_of(it.demo.pid) - before
    stages = {"scan": scan, "pack": pack, "upload": up}
    slowest = max(stage.wall_s for stage in stages.values())
    if not slowest:
        raise UsageError("no stage was measured")
    ratio = whole.wall_s / slowest
    details = {
        "input": f"{size / 1e6:.0f} MB",
        "send": f"{whole.wall_s:.2f} s, processor {whole.cpu_s:.2f} s and {served:.2f} s at the"
        f" exchange, {whole.peak / 1e6:.0f} MB of memory",
        **{
            name: f"{stage.wall_s:.2f} s, processor {stage.cpu_s:.2f} s"
            for name, stage in stages.items()
        },
    }
    return f"{ratio:.2f}x", ratio <= 1.15, "emix send FOLDER --to ADDR --purpose P", details
