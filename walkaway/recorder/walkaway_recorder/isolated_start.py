"""Start the recorded pytest where PYTHONPATH is ignored: `python -I isolated_start.py ARGS`."""

from __future__ import annotations

import os
import sys


def main(args: list[str]) -> int:
    """Run pytest in this process; return its exit code."""
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    # Appended, so it shadows nothing, and left there: xdist copies sys.path to its workers.
    sys.path.append(folder)
    import pytest

    if "-pwalkaway_recorder" not in args and "walkaway_recorder" not in args:
        args = ["-p", "walkaway_recorder", *args]
    return int(pytest.main(args))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
