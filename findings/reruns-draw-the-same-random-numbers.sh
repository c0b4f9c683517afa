#!/bin/sh
# What: pytest-randomly sets `random` to the same state before each attempt of a test, not only before
#   each test. A test that fails by its random numbers gets the same ones again: --reruns cannot help
#   it.
# Versions: pytest 9.2.0, pytest-randomly 5.1.0, pytest-rerunfailures 16.7, Python 3.11.7
# Seen: four attempts of one test print one number; without pytest-randomly four.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-randomly==5.1.0 pytest-rerunfailures==16.7
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
import random

def test_it():
    with open("drawn", "a") as drawn:
        print(random.random(), file=drawn)
    assert 0
END
numbers() { sort -u drawn | wc -l; }
pytest --reruns=3
expect test "$code" = 1
expect grep -q "1 failed.*3 rerun" log
expect test "$(wc -l <drawn)" = 4
expect test "$(numbers)" = 1
rm drawn
pytest -p no:randomly --reruns=3
expect test "$(numbers)" = 4
