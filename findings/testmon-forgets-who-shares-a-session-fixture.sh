#!/bin/sh
# What: pytest-testmon counts code that runs in a session fixture for the one test that asked first.
#   After a change of that code the other tests that use the fixture are deselected: they would fail,
#   and the run is green.
# Versions: pytest 9.2.0, pytest-testmon 2.2.0, Python 3.11.7
# Seen: two tests share a session fixture, which calls app.make(). make() returns something else now:
#   "1 passed, 1 deselected", exit 0; without testmon "1 failed, 1 passed".
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-testmon==2.2.0
pytest() { venv/bin/python -m pytest "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >app.py <<'END'
def make():
    return 1
END
cat >test_it.py <<'END'
import pytest
import app

@pytest.fixture(scope="session")
def made():
    return app.make()

def test_first(made):
    assert made > 0

def test_second(made):
    assert made == 1
END
pytest --testmon
expect grep -q "2 passed" log
sed -i.old "s/return 1/return 3/" app.py
pytest --testmon
expect test "$code" = 0
expect grep -q "1 passed, 1 deselected" log
pytest --testmon
expect test "$code" = 0
expect grep -q "no tests ran" log
pytest
expect test "$code" = 1
expect grep -q "1 failed, 1 passed" log
