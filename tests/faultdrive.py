"""A real block device with bad sectors: what the kernel does to a reader, without a scratched disc.

nbdkit plays a mapfile, nbdfuse makes a file of it, and a loop device a drive of 2,048-byte sectors.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from emixcli.media.disc.mapfile import Mapfile, Status
from emixcli.media.disc.ranges import Ranges
from emixcli.media.disc.sectors import SECTOR

_TOOLS = ("nbdkit", "nbdfuse", "losetup", "fusermount3")
#: What this machine lacks for `bad_drive`.
MISSING = [name for name in _TOOLS if not shutil.which(name)]
MISSING += [] if Path("/dev/fuse").exists() and Path("/dev/loop-control").exists() else ["FUSE"]
MISSING += [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["root"]


@contextlib.contextmanager
def bad_drive(image: Path, bad: Ranges, folder: Path) -> Iterator[str]:
    """Give the name of a drive with the content of an image, and errors for some sectors.

    Skips the test where it cannot be made.

    Parameters
    ----------
    folder
        For the files that it needs.
    """
    if MISSING:
        pytest.skip(f"needs {', '.join(MISSING)}")
    mapfile = Mapfile(image.stat().st_size)
    mapfile.mark(0, mapfile.size, Status.DONE)
    for start, stop in bad:
        mapfile.mark(start, stop, Status.BAD)
    (folder / "bad.map").write_text(mapfile.text())
    (folder / "mount").mkdir()
    os.mkfifo(folder / "ready")
    ready = os.open(folder / "ready", os.O_RDONLY | os.O_NONBLOCK)
    disc = folder / "mount" / "disc"
    nbdkit = ["nbdkit", "--exit-with-parent", "--filter=ddrescue", "file", image]
    nbdkit += [f"ddrescue-mapfile={folder / 'bad.map'}"]
    command = ["nbdfuse", "-r", "-P", folder / "ready", disc, "[", *nbdkit, "]"]
    served = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    try:
        if not select.select([ready], [], [], 20)[0]:
            pytest.skip("nbdfuse cannot mount here")
        options = ["--find", "--show", "-r", "--direct-io=on", "--sector-size", str(SECTOR)]
        made = subprocess.run(["losetup", *options, disc], capture_output=True, text=True)  # noqa: PLW1510 - its code is looked at
        if made.returncode:
            pytest.skip("no loop device can be made here")
        try:
            yield made.stdout.strip()
        finally:
            subprocess.run(["losetup", "-d", made.stdout.strip()], check=True)
    finally:
        os.close(ready)
        subprocess.run(["fusermount3", "-u", disc.parent], check=False, capture_output=True)
        served.terminate()
        served.wait(20)
