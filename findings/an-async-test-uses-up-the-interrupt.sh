#!/bin/sh
# What: A SIGINT that arrives while an async test handles its cancellation is used up by that test:
#   asyncio turns the signal into the test's cancellation, the test catches that and returns, and
#   pytest neither stops nor says that it was interrupted.
# Versions: pytest 9.2.0, pytest-asyncio 1.5.0, Python 3.11.7
# Seen: SIGINT in the first of two tests: "2 passed", exit 0. An interrupted run has 2.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-asyncio==1.5.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >pytest.ini <<'END'
[pytest]
asyncio_default_fixture_loop_scope = function
END
cat >test_it.py <<'END'
import asyncio
import os
import signal
import pytest

@pytest.mark.asyncio
async def test_cleans_up():
    asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        print("cleaned up")

def test_next():
    pass
END
pytest -s
expect grep -q "cleaned up" log
expect grep -q "2 passed" log
expect test "$code" = 0
