"""Entry point: `python -I -S …/walkaway/supervisor RECORD LOCK_FD`; LOCK_FD -1 adopts a run."""

import os.path
import sys

# Isolated mode knows no package: the folder that holds walkaway is put first by hand.
sys.path.insert(
    0,
    os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
)

if __name__ == "__main__":
    from walkaway.supervisor.entry import main

    sys.exit(main(sys.argv[1], int(sys.argv[2])))
