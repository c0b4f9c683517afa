#!/bin/sh
# What: --maxfail counts a test with one failing subtest as one failure without workers, and as two
#   with pytest-xdist. The same suite runs to its end here and is interrupted there.
# Versions: pytest 9.2.0, pytest-xdist 3.8.0, Python 3.11.7
# Seen: --maxfail=2, one failing subtest in the first of nine tests. Alone: all nine run, exit 1. With
#   -n 1: "xdist.dsession.Interrupted: stopping after 2 failures", exit 2.
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
import time
import pytest

def test_first(subtests):
    with subtests.test("one"):
        assert 0

@pytest.mark.parametrize("n", range(8))
def test_rest(n):
    time.sleep(0.2)
END
pytest --maxfail=2
expect test "$code" = 1
expect grep -q "8 passed" log
pytest --maxfail=2 -n 1
expect test "$code" = 2
expect grep -q "stopping after 2 failures" log
