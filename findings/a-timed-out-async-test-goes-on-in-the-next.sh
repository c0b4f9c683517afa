#!/bin/sh
# What: pytest-timeout fails an async test, but does not end it. Its exception is raised in whatever
#   runs at that moment, mostly the event loop itself; the test's task is left in the loop. Where tests
#   share a loop (loop_scope="module" or wider) the failed test goes on during the next ones.
# Versions: pytest 9.2.0, pytest-timeout 2.4.0, pytest-asyncio 1.5.0, Python 3.11.7
# Seen: the first test fails by its timeout after 0.5 s; half a second later, in the second test, it
#   changes what the second one is looking at, which fails for it.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-timeout==2.4.0 pytest-asyncio==1.5.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >pytest.ini <<'END'
[pytest]
asyncio_default_fixture_loop_scope = function
END
cat >test_it.py <<'END'
import asyncio
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")
state = []

@pytest.mark.timeout(0.5)
async def test_too_slow():
    await asyncio.sleep(1)
    state.append("the failed test went on")

async def test_next():
    await asyncio.sleep(2)
    assert state == []
END
pytest test_it.py
expect test "$code" = 1
expect grep -q "^FAILED test_it.py::test_too_slow - Failed: Timeout" log
expect grep -q "AssertionError: assert \['the failed test went on'\] == \[\]" log
