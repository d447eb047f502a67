"""`initlint` and `python -m initlint`."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Runs the command line; exits with its status."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's: matrices here are too small for threads to pay
    gc.disable()  # trees and values are many and live until the end: collecting would only walk them
    from initlint.cli import run

    leave(run(sys.argv[1:]))


def leave(status: int) -> None:
    """Ends the process. Python would first take apart, one by one, all that the run has made."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # closed, or nobody reads any more: Python knows what to do
        sys.exit(status)
    os._exit(status)


if __name__ == "__main__":
    main()
