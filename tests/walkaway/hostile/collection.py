"""Suites that misbehave while they are collected."""

from dataclasses import replace

from tests.walkaway.hostile.case import Case, Ended

_NOTHING = Ended("", "absent", "absent", "absent", "absent", "absent")
_ELSEWHERE = replace(_NOTHING, elsewhere="passed")

CASES = [
    Case(
        "module-raises",
        above="raise RuntimeError('module')",
        ended=replace(_NOTHING, verdict="collection-error 2", elsewhere="not-run"),
        # xdist runs what could be collected.
        spread=replace(_ELSEWHERE, verdict="failed 1"),
        bare=2,
        bare_spread=1,
    ),
    Case(
        "module-skips-itself",
        above="pytest.skip('whole', allow_module_level=True)",
        ended=replace(_ELSEWHERE, verdict="passed 0"),
        bare=0,
    ),
    Case(
        "conftest-raises-in-workers-alone",
        conftest="""
        if "PYTEST_XDIST_WORKER" in os.environ:
            raise RuntimeError("in a worker")
        """,
        spread=replace(_NOTHING, verdict="collection-error 2"),
        bare_spread=5,
    ),
    Case(
        "workers-collect-differently",
        above="""
        @pytest.mark.parametrize("n", [os.environ.get("PYTEST_XDIST_WORKER", "alone")])
        def test_here(n): pass
        """,
        spread=Ended("collection-error 2", *["not-run"] * 5),
    ),
    Case(
        "conftest-empties-the-collection",
        conftest="def pytest_collection_modifyitems(items): items.clear()",
        ended=replace(_NOTHING, verdict="no-tests 5"),
        bare=5,
    ),
    Case(
        "conftest-doubles-the-collection",
        conftest="def pytest_collection_modifyitems(items): items.extend(items[:3])",
    ),
    Case(
        "conftest-raises-in-a-hook",
        conftest="def pytest_collection_modifyitems(items): raise RuntimeError('hook')",
        ended=Ended("internal-error 3", *["lost|absent"] * 5),
        bare=3,
    ),
    Case(
        "conftest-cannot-be-read",
        conftest="raise RuntimeError('conftest')",
        ended=replace(_NOTHING, verdict="usage-error 4"),
        bare=4,
    ),
]
