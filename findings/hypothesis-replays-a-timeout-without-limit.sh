#!/bin/sh
# What: Hypothesis takes pytest-timeout's exception for a failing example, and runs that example again
#   to reproduce it. The timer has gone off by then: the replay has no limit.
# Versions: pytest 9.2.0, pytest-timeout 2.4.0, hypothesis 6.170.0, Python 3.11.7
# Seen: the first example sleeps 3 s each time, --timeout=1. The test takes 4 s instead of 1, and its
#   failure is "FlakyFailure", with the timeout as one of its parts.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-timeout==2.4.0 hypothesis==6.170.0
pytest() { venv/bin/python -m pytest -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

cat >test_it.py <<'END'
import time
from hypothesis import given, settings, strategies as st

@settings(deadline=None, database=None, max_examples=1)
@given(st.just(0))
def test_it(n):
    print("began")
    time.sleep(3)
    print("slept on")
END
pytest --timeout=1
expect test "$code" = 1
expect test "$(grep -c "^began" log)" -ge 2
expect grep -q "^slept on" log
expect grep -q "Flaky" log
expect grep -q "Timeout (>1.0s)" log
