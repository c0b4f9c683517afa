#!/bin/sh
# What: pytest-timeout takes its timer back at the first failure that is reported for a test. What
#   happens afterwards has no limit: the teardown of a test that failed, its code after a subtest that
#   failed (be it by the timeout itself), and every further attempt of pytest-rerunfailures.
# Versions: pytest 9.2.0, pytest-timeout 2.4.0, pytest-rerunfailures 16.7, Python 3.11.7
# Seen: with --timeout=1 a fixture's teardown sleeps 3 s after a failed test, "1 failed" and no error;
#   a test sleeps 3 s after its subtest timed out and fails for that alone; a test whose first attempt
#   fails at once sleeps 3 s in its second one and passes: "1 passed, 1 rerun".
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-timeout==2.4.0 pytest-rerunfailures==16.7
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_teardown.py <<'END'
import time
import pytest

@pytest.fixture
def closing():
    yield
    time.sleep(3)

def test_it(closing):
    assert 0
END
cat >test_subtest.py <<'END'
import time

def test_it(subtests):
    with subtests.test("too slow"):
        time.sleep(3)
    time.sleep(3)
    print("slept on")
END
cat >test_rerun.py <<'END'
import time

attempts = []

def test_it():
    attempts.append(1)
    assert len(attempts) > 1
    time.sleep(3)
END
pytest --timeout=1 test_teardown.py
expect test "$code" = 1
expect grep -q "= 1 failed in [3-9]" log
expect test "$(grep -c Timeout log)" = 0
pytest --timeout=1 -s test_subtest.py
expect test "$code" = 1
expect grep -q "^SUBFAILED.*Timeout (>1.0s)" log
expect grep -q "slept on" log
pytest --timeout=1 --reruns=1 test_rerun.py
expect test "$code" = 0
expect grep -q "1 passed, 1 rerun" log
