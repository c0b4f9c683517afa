#!/bin/sh
# What: A subtest that failed in an attempt which pytest-rerunfailures ran again, with success, stays a
#   failure in pytest's own JUnit report. A CI that reads the report sees red, one that reads the exit
#   status green.
# Versions: pytest 9.2.0, pytest-rerunfailures 16.7, Python 3.11.7
# Seen: one test, --reruns=1: exit 0, "1 passed, 1 rerun"; its report has failures="1".
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-rerunfailures==16.7
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
attempts = []

def test_it(subtests):
    attempts.append(1)
    with subtests.test("one"):
        assert len(attempts) > 1
END
pytest --reruns=1 --junitxml=report.xml
expect test "$code" = 0
expect grep -q "1 passed.* 1 rerun" log
expect grep -q 'failures="1"' report.xml
