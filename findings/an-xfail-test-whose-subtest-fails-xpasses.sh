#!/bin/sh
# What: A test that is expected to fail, and does so in a subtest, is reported as one that
#   unexpectedly passed: the subtest takes the expected failure for itself, and the test is left with
#   none. With strict=True (or xfail_strict) the run fails because the test fails as expected.
# Versions: pytest 9.2.0, Python 3.11.7
# Seen: with -v "1 xfailed, 1 xpassed" of one test, exit 0; xfail(strict=True): "[XPASS(strict)]",
#   "1 failed, 1 xfailed", exit 1. Without -v the subtest is not counted.
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

@pytest.mark.xfail
def test_lenient(subtests):
    with subtests.test("one"):
        assert 0

@pytest.mark.xfail(strict=True)
def test_strict(subtests):
    with subtests.test("one"):
        assert 0
END
pytest -v -k lenient
expect test "$code" = 0
expect grep -q "1 xfailed, 1 xpassed" log
pytest -v -k strict
expect test "$code" = 1
expect grep -q "XPASS(strict)" log
expect grep -q "1 failed, .*1 xfailed" log
