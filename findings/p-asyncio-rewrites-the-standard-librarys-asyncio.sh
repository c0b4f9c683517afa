#!/bin/sh
# What: `-p asyncio` names pytest-asyncio by its entry point, but pytest also marks the module of that
#   name for assertion rewriting: the standard library's asyncio then comes from pytest's loader. Where
#   an earlier plugin has already imported it, pytest warns that asyncio cannot be rewritten, and a run
#   with warnings as errors stops before its first test. `-p pytest_asyncio.plugin` does neither.
# Versions: pytest 9.2.0, pytest-asyncio 1.5.0, anyio 4.16.0, Python 3.11.7
# Seen: asyncio.base_events has the loader AssertionRewritingHook; with `-p anyio -p asyncio` the warning
#   "Module already imported so cannot be rewritten; asyncio", with that warning as an error exit 1.
# Date: 2026-11-29
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
${PYTHON:-python3} -m venv venv
venv/bin/pip install -q pytest==9.2.0 pytest-asyncio==1.5.0 anyio==4.16.0
PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
export PYTEST_DISABLE_PLUGIN_AUTOLOAD
pytest() { venv/bin/python -m pytest -s -p no:cacheprovider "$@" >log 2>&1 && code=0 || code=$?; cat log; }
expect() { "$@" || { echo "changed: $*" >&2; exit 1; }; }

printf '[pytest]\nasyncio_default_fixture_loop_scope = function\n' >pytest.ini
cat >test_it.py <<'END'
import asyncio.base_events

def test_loader():
    print("loaded by", type(asyncio.base_events.__spec__.loader).__name__)
END
pytest -p asyncio
expect grep -q "loaded by AssertionRewritingHook" log
pytest -p pytest_asyncio.plugin
expect grep -q "loaded by SourceFileLoader" log
pytest -p anyio -p asyncio
expect grep -q "Module already imported so cannot be rewritten; asyncio" log
expect test "$code" = 0
pytest -p anyio -p asyncio -W error::pytest.PytestAssertRewriteWarning
expect test "$code" = 1
pytest -p anyio -p pytest_asyncio.plugin -W error::pytest.PytestAssertRewriteWarning
expect test "$code" = 0
