"""`python -m bypeer` is `bypeer`."""

from __future__ import annotations

import sys

from bypeer.cli import main

if __name__ == "__main__":
    sys.exit(main())
