"""What an upload loads decides how soon it begins."""

from __future__ import annotations

import subprocess
import sys

from tests.running import ROOT

_PROBE = """
import sys
import emixcli.cli, emixcli.commands.upload, emixcli.exchange.connect, emixcli.services.upload
print(*{"numpy", "pydicom", "cryptography", "rich"} & set(sys.modules))
"""


def test_an_upload_loads_no_library_for_images_or_keys() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROBE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == []
