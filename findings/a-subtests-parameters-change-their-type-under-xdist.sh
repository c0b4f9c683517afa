#!/bin/sh
# What: The name of a subtest is made of the values that it was given. Under pytest-xdist they come back
#   from the worker as text, so a number stands in quotes: the same subtest has another name with -n.
#   Whoever groups or compares failures by name counts it twice.
# Versions: pytest 9.2.0, pytest-xdist 3.8.0, Python 3.11.7
# Seen: subtests.test(i=1): "SUBFAILED(i=1)" without -n, "SUBFAILED(i='1')" with -n 1.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-xdist==3.8.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 </dev/null && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
def test_it(subtests):
    with subtests.test(i=1):
        assert 0
END
pytest
expect test "$code" = 1
expect grep -qF "SUBFAILED(i=1)" log
pytest -n 1
expect grep -qF "SUBFAILED(i='1')" log
