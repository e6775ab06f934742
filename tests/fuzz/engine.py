"""One target in a process of its own: by atheris where it is installed, else by mutations.

    python -m tests.fuzz.engine TARGET SECONDS CORPUS CRASHES

Ends with 0 where nothing was found. What made a reader fail is a file in CRASHES.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import random
import sys
import time
from pathlib import Path

_MAX_LENGTH = 64 * 1024
_MAX_MEMORY = 1536 * 1024 * 1024  # of the process, with what instruments it
_MAX_SECONDS = 5  # for one input
_INTERESTING = (
    b"\0",
    b"\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\xff",
    b"\xfe\xff\x00\xe0",
    b"\x80",
)


def main(name: str, seconds: int, corpus: Path, crashes: Path) -> int:
    """Fuzz one target."""
    if importlib.util.find_spec("atheris") is not None:
        return _guided(name, seconds, corpus, crashes)
    return _mutations(name, seconds, corpus, crashes)


def _guided(name: str, seconds: int, corpus: Path, crashes: Path) -> int:
    """Let atheris look for new paths; does not return where it finds a failure."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["emixcli"]):
        from tests.fuzz.targets import TARGETS
    target = TARGETS[name]
    _write_seeds(target.seeds(), corpus)
    arguments = [
        name, str(corpus), f"-max_total_time={seconds}", f"-max_len={_MAX_LENGTH}",
        f"-rss_limit_mb={_MAX_MEMORY >> 20}", f"-timeout={_MAX_SECONDS}",
        f"-artifact_prefix={crashes}/{name}-", "-verbosity=0", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup(arguments, lambda data: target(bytes(data)))
    atheris.Fuzz()
    return 0


def _mutations(name: str, seconds: int, corpus: Path, crashes: Path) -> int:
    """Change seeds at random, without knowing which paths they take."""
    from tests.fuzz.targets import TARGETS

    target = TARGETS[name]
    seeds = target.seeds() + [path.read_bytes() for path in sorted(corpus.iterdir())]
    some = random.Random(name)
    _bound_memory()
    n_runs, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        data = mutated(some.choice(seeds), some)
        try:
            target(data)
        except BaseException:
            digest = hashlib.sha256(data).hexdigest()[:16]
            (crashes / f"{name}-{digest}").write_bytes(data)
            raise
        n_runs += 1
    print(f"stat::number_of_executed_units: {n_runs}", file=sys.stderr)
    return 0


def _bound_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))


def mutated(data: bytes, some: random.Random) -> bytes:
    """Return bytes with some of them changed, inserted, removed, repeated or cut off."""
    out = bytearray(data)
    for _ in range(some.choice((1, 1, 2, 4, 16))):
        at = some.randrange(len(out) + 1)
        length = some.choice((1, 2, 4, 8, 100))
        kind = some.randrange(6)
        if kind == 0:
            out[at : at + length] = some.randbytes(length)
        elif kind == 1:
            out[at:at] = some.randbytes(length)
        elif kind == 2:
            del out[at : at + length]
        elif kind == 3:
            out[at:at] = out[at : at + length]
        elif kind == 4:
            patch = some.choice(_INTERESTING)
            out[at : at + len(patch)] = patch
        else:
            del out[at:]
    return bytes(out[:_MAX_LENGTH])


def _write_seeds(seeds: list[bytes], corpus: Path) -> None:
    for data in seeds:
        (corpus / hashlib.sha256(data).hexdigest()[:32]).write_bytes(data)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])))
