#!/bin/sh
# What: With --reruns a worker's crash is reported as "rerun" and its test is put back into the queue.
#   With --max-worker-restart=0 there is no worker to take it: the test and those behind it never run,
#   no failure is counted, and pytest exits with 0.
# Versions: pytest 9.2.0, pytest-xdist 3.8.0, pytest-rerunfailures 16.7, Python 3.11.7
# Seen: three tests, the second calls os._exit(1), -n 1: "1 passed, 1 rerun", exit 0.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-xdist==3.8.0 pytest-rerunfailures==16.7
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
import os
import time

def test_first():
    pass

def test_second():
    time.sleep(1)  # until the plugin's server knows of the test
    os._exit(1)

def test_third():
    assert 0
END
pytest -n 1 --reruns=1 --max-worker-restart=0
expect test "$code" = 0
expect grep -q "1 passed, 1 rerun" log
expect test "$(grep -c "failed" log)" = 0
