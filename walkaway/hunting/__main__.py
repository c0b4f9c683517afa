"""Entry point: `python -I -S …/walkaway/hunting RECORD LOCK_FD`. LOCK_FD -1 adopts a hunt."""

import sys
from pathlib import Path

# Isolated mode (-I) puts neither the script's folder nor PYTHONPATH on sys.path.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

if __name__ == "__main__":
    from walkaway.hunting.driver import main

    sys.exit(main(sys.argv[1], int(sys.argv[2])))
