#!/bin/sh
# What: A conftest that starts the interpreter anew in its place (os.execv, to set a hash seed or preload a library)
#   does so while pytest captures: descriptors 1 and 2 are pytest's nameless capture files. The new
#   pytest inherits them for its terminal, so it runs all tests and not a line of it is seen.
# Versions: pytest 9.2.0, Python 3.11.7
# Seen: a failing test and a conftest that sets PYTHONHASHSEED=0 by os.execv: exit 1, 0 bytes of output; with -s
#   "1 failed".
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

unset PYTHONHASHSEED
cat >conftest.py <<'END'
import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, sys.orig_argv)
END
cat >test_it.py <<'END'
def test_one():
    assert 0
END
pytest
expect test "$code" = 1
expect test ! -s log
pytest -s
expect test "$code" = 1
expect grep -q "1 failed" log
