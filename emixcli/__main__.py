"""`python -m emixcli`."""

from __future__ import annotations

import sys

from emixcli.cli import main

if __name__ == "__main__":
    sys.exit(main())
