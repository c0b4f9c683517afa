#!/bin/sh
# What: tmp_path_retention_policy = failed keeps the folders of tests whose call failed. It deletes
#   those of tests that failed in setup, in teardown, or by a subtest: the evidence is gone.
# Versions: pytest 9.2.0, Python 3.11.7
# Seen: four failing tests, one for each way; only the folder of test_call is left.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
import pytest

@pytest.fixture
def early(tmp_path):
    assert 0

@pytest.fixture
def late(tmp_path):
    yield
    assert 0

def test_call(tmp_path):
    assert 0

def test_setup(early):
    pass

def test_teardown(late):
    pass

def test_subtest(tmp_path, subtests):
    with subtests.test("one"):
        assert 0
END
pytest -o tmp_path_retention_policy=failed --basetemp=kept
expect test "$code" = 1
expect grep -q "3 failed, 1 passed, 2 errors" log
expect test -d kept/test_call0
expect test ! -e kept/test_setup0
expect test ! -e kept/test_teardown0
expect test ! -e kept/test_subtest0
