#!/bin/sh
# What: --max-warnings counts a warning that a module gives while it is imported once for each xdist
#   worker, since each collects all modules. How many warnings a suite has depends on -n; with -n auto,
#   on the machine.
# Versions: pytest 9.2.0, pytest-xdist 3.8.0, Python 3.11.7
# Seen: one warning, --max-warnings=1. Alone exit 0, "1 warning"; with -n 2 "maximum allowed warnings
#   exceeded: 2 > 1", exit 6.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-xdist==3.8.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
import warnings

warnings.warn("at import")

def test_one(): pass
def test_two(): pass
END
pytest --max-warnings=1
expect test "$code" = 0
expect grep -q "2 passed, 1 warning" log
pytest --max-warnings=1 -n 2
expect test "$code" = 6
expect grep -q "maximum allowed warnings exceeded: 2 > 1" log
