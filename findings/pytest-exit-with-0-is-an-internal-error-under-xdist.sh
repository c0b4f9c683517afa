#!/bin/sh
# What: pytest.exit(returncode=0) in a test ends pytest with 0 and leaves the other tests out. With
#   pytest-xdist the same call is an internal error, 3.
# Versions: pytest 9.2.0, pytest-xdist 3.8.0, Python 3.11.7
# Seen: alone "1 passed", exit 0, though a test behind it would fail. With -n 1: "INTERNALERROR",
#   exit 3. (pytest-dev/pytest-xdist#1239)
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
import pytest

def test_first():
    pass

def test_second():
    pytest.exit("enough", returncode=0)

def test_third():
    assert 0
END
pytest
expect test "$code" = 0
expect grep -q "1 passed" log
pytest -n 1
expect test "$code" = 3
expect grep -q "INTERNALERROR" log
