#!/bin/sh
# What: With --cov-fail-under a total that only rounding lifts to the limit is told as a failure and counts as
#   none: the summary says "FAIL Required test coverage ... not reached", and pytest exits with 0.
#   pytest-cov words its line by the exact total, and decides by coverage's rounded one.
# Versions: pytest 9.2.0, pytest-cov 7.1.0, coverage 7.16.0, Python 3.11.7
# Seen: 73 of 74 lines (98.65 %), --cov-fail-under=99: "FAIL Required test coverage of 99% not reached. Total
#   coverage: 98.65%", "1 passed", exit 0. With 73 of 75 lines (97.33 %) the same words, exit 1.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-cov==7.1.0 coverage==7.16.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

module() {
    echo 'def work(n):'
    for line in $(seq 70); do echo "    n += $line"; done
    echo '    if n == 0:'
    for line in "$@"; do echo "        n = $line"; done
    echo '    return n'
}
module 1 >measured.py
cat >test_it.py <<'END'
import measured

def test_work():
    assert measured.work(1) > 1
END
pytest --cov=measured --cov-fail-under=99
expect test "$code" = 0
expect grep -q "FAIL Required test coverage of 99% not reached. Total coverage: 98.65%" log
module 1 2 >measured.py
pytest --cov=measured --cov-fail-under=99
expect test "$code" = 1
expect grep -q "FAIL Required test coverage of 99% not reached" log
