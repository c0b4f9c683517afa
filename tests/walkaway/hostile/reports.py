"""Reports that misbehave: unsendable, forged, renamed, twice, or with a mind of their own."""

from dataclasses import replace

from tests.walkaway.hostile.case import Case, Ended

_FAILED = Ended(hostile="failed")
_LOST = Ended("internal-error 3", hostile="lost", after="lost", last="lost", elsewhere="lost")
_LOST_WITH_A_WORKER = replace(_LOST, elsewhere="passed|lost")
_ODD_ITEM = """
class Odd(pytest.Item):
    def runtest(self): raise ValueError('odd')
    def repr_failure(self, excinfo): return {answer}
    def reportinfo(self): return self.path, 0, "odd"
def pytest_collection_modifyitems(items):
    for index, item in enumerate(items):
        if item.name == "test_hostile":
            items[index] = Odd.from_parent(item.parent, name="test_hostile")
"""


def _hook(body: str, above: str = "") -> str:
    """Return a conftest whose hook gets each report of the hostile test."""
    return (
        f"{above}\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    report = yield\n"
        "    if item.name == 'test_hostile' and report.when == 'call':\n"
        f"        {body}\n"
        "    return report\n"
    )


CASES = [
    # Of these xdist 3.8 sends none, and ends with the worker that tried: pytest-xdist#843.
    Case("reports-a-lone-surrogate", r"assert 0, '\udc80'", _FAILED, bare_spread=3),
    Case(
        "reports-bytes",
        bare_spread=3,
        conftest=_ODD_ITEM.format(answer="b'odd'"),
        ended=_FAILED,
    ),
    Case(
        "reports-an-object",
        bare_spread=3,
        conftest=_ODD_ITEM.format(answer="object()"),
        ended=_FAILED,
    ),
    Case(
        "records-a-property-that-nobody-can-send",
        "def test_hostile(record_property): record_property('x', object())",
        bare_spread=3,
    ),
    Case(
        "raises-what-cannot-be-told",
        """
        class Mute(Exception):
            def __str__(self): raise RuntimeError('mute')
            __repr__ = __str__
        raise Mute
        """,
        _FAILED,
    ),
    Case(
        # pytest takes a SystemExit from a value's repr for its own.
        "compares-what-cannot-be-told",
        """
        class Mute:
            def __repr__(self): raise SystemExit(0)
        assert Mute() == 1
        """,
        _LOST,
        _LOST_WITH_A_WORKER,
        bare=3,
    ),
    Case("makes-its-failure-a-pass", "assert 0", conftest=_hook("report.outcome = 'passed'")),
    Case(
        "makes-its-failure-expected",
        "assert 0",
        conftest=_hook("report.outcome, report.wasxfail = 'skipped', 'known'"),
        ended=Ended(hostile="xfailed"),
    ),
    Case(
        "makes-its-failure-an-outcome-unheard-of",
        "assert 0",
        conftest=_hook("report.outcome = 'weird'"),
        ended=Ended(hostile="unknown"),
    ),
    Case(
        "makes-no-report",
        conftest=_hook("raise RuntimeError('no report')"),
        ended=_LOST,
        spread=_LOST_WITH_A_WORKER,
        bare=3,
    ),
    Case(
        # The failure is another test's then; xdist's worker asserts that it is not.
        "renames-its-report",
        "assert 0",
        conftest=_hook("report.nodeid = 'elsewhere.py::test_renamed'"),
        ended=Ended(hostile="unknown"),
        spread=_LOST_WITH_A_WORKER,
        bare_spread=3,
    ),
    Case(
        "reports-odd-sections",
        "assert 0",
        conftest=_hook("report.sections = [('Captured stdout call', 'x'), ('odd', '\\udc80' * 9)]"),
        ended=_FAILED,
        bare_spread=3,
    ),
    Case(
        "fails-where-others-listen",
        conftest="""
        def pytest_runtest_logreport(report):
            if "hostile" in report.nodeid and report.when == "call":
                raise RuntimeError("listener")
        """,
        ended=replace(_LOST, hostile="passed"),
        spread=replace(_LOST_WITH_A_WORKER, hostile="passed|lost"),
        bare=3,
    ),
    Case(
        "unregisters-every-other-plugin",
        """
        def test_hostile(pytestconfig):
            for name, plugin in pytestconfig.pluginmanager.list_name_plugin():
                home = getattr(plugin, "__module__", None) or getattr(plugin, "__name__", "_pytest")
                if not home.startswith("_pytest"):
                    pytestconfig.pluginmanager.unregister(plugin)
        """,
        # Nobody hears the tests any more. xdist misses none: two of five passed, and exit 0.
        replace(_LOST, verdict="incomplete 65"),
        Ended(hostile="lost"),
        bare_spread=0,
    ),
]
