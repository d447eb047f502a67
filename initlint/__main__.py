"""`initlint` and `python -m initlint`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Runs the command line; exits with its status."""
    gc.disable()  # trees and values are many and live until the end: collecting would only walk them
    from initlint.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
