#!/bin/sh
# What: A module that skips itself counts as one skip in pytest's last line, whatever the number of its
#   tests, and as two with --doctest-modules: once as module, once as doctest. No test of it was
#   collected. So "skipped" in the last line is more than the tests that were skipped.
# Versions: pytest 9.2.0, Python 3.11.7
# Seen: a module of three tests behind an importorskip: "1 skipped"; with --doctest-modules
#   "2 skipped"; --collect-only names the other module's test alone.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
import pytest

pytest.importorskip("no_such_module")

def test_one(): pass
def test_two(): pass
def test_three(): pass
END
echo 'def test_other(): pass' >test_other.py
pytest -v
expect test "$code" = 0
expect grep -q "1 passed, 1 skipped" log
pytest --doctest-modules
expect grep -q "1 passed, 2 skipped" log
pytest --collect-only -q
expect grep -q "^1 test collected" log
