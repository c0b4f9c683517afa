"""Entry point: `python -I -S …/walkaway/supervisor RECORD LOCK_FD`. LOCK_FD -1 adopts a run."""

import os.path
import sys

# Isolated mode (-I) puts neither the script's folder nor PYTHONPATH on sys.path.
sys.path.insert(
    0,
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
)

if __name__ == "__main__":
    from walkaway.supervisor.entry import main

    sys.exit(main(sys.argv[1], int(sys.argv[2])))
