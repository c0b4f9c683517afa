"""Fixtures that misbehave."""

from tests.walkaway.hostile.case import Case, Ended

_ERROR = Ended(hostile="error")


def _fixture(body: str, scope: str = "function") -> str:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    head = f"@pytest.fixture(scope={scope!r})\ndef odd(request):"
    return f"{head}\n{lines}\ndef test_hostile(odd): pass\n"


CASES = [
    Case("fixture-fails-in-setup", _fixture("assert 0"), _ERROR),
    Case("fixture-fails-in-teardown", _fixture("yield\nassert 0"), _ERROR),
    Case("fixture-yields-twice", _fixture("yield\nyield"), _ERROR),
    Case("fixture-yields-never", _fixture("if 0: yield"), _ERROR),
    Case(
        "fixture-interrupts-in-teardown",
        _fixture("yield\nraise KeyboardInterrupt"),
        Ended("interrupted 2", after="not-run", last="not-run", elsewhere="not-run"),
        # xdist 3.8 tells it as a crash of that worker, and ends the session.
        Ended(hostile="crashed", after="not-run", last="not-run", elsewhere="passed|not-run"),
        bare=2,
    ),
    Case(
        "fixture-fails-at-the-sessions-end",
        _fixture("yield\nassert 0", "session"),
        Ended(elsewhere="error"),
        Ended(last="failed|error"),
    ),
    Case(
        "fixture-deletes-the-record",
        _fixture("import shutil\nyield\nshutil.rmtree('logs', ignore_errors=True)"),
    ),
    Case(
        "fixture-renames-its-test",
        _fixture("request.node._nodeid = 'test_it.py::test_renamed'"),
    ),
    Case(
        "fixture-raises-a-group-of-odd-exceptions",
        _fixture("yield\nraise BaseExceptionGroup('odd', [SystemExit(0), KeyError('\\udc80')])"),
        _ERROR,
    ),
]
