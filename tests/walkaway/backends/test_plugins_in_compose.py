"""What plugins decide, heal or cannot send: in a container the same verdict as here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

pytestmark = pytest.mark.engine

RERUNS = ("-p", "rerunfailures", "-W", "ignore", "--reruns=1")
ASYNCIO = ("-p", "asyncio", "-o", "asyncio_default_fixture_loop_scope=function")


@dataclass(frozen=True, slots=True)
class Case:
    """A suite, how it is run, and what is said of it."""

    source: str
    verdict: tuple[str, int]
    counts: dict[str, int]
    because: str = ""
    args: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    said: tuple[str, ...] = ()
    """What the texts of its failures hold, at least."""
    files: dict[str, str] = field(default_factory=dict)


SUBTEST = """\
seen = []
def test_heals(subtests):
    seen.append(1)
    with subtests.test("one"): assert len(seen) > 1
    with subtests.test("two"): pass
def test_b(): pass
"""
DIES_ONCE = """\
import os, pathlib, time
def test_a(): pass
def test_dies_once():
    died = pathlib.Path(os.environ["WALKAWAY_RUN"], "died")
    if not died.exists():
        died.touch()
        time.sleep(0.3)  # rerunfailures is told of a test's reruns by a socket, in passing
        os._exit(1)
def test_b(): pass
"""
UNSENDABLE = """\
import os
def test_a(): pass
def test_name(): raise ValueError(os.fsdecode(b"caf\\xe9"))
"""
OUTCOMES = """\
import pytest
@pytest.mark.xfail(reason="known")
def test_xfail(): assert 0
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.skip(reason="not today")
def test_skip(): pass
"""
SKIPPED_WHOLE = "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass\n"
FLAKY = "tries = []\ndef test_flaky():\n    tries.append(1)\n    assert tries[1:]\n"
SLOW_SUBTEST = """\
import time
def deep(): time.sleep(100)
def test_slow(subtests):
    with subtests.test("one"): deep()
"""
WARNS = "import warnings\ndef test_a(): warnings.warn('old')\n"
THING = "def f():\n    return 1\n\ndef g():\n    return 2\n"
BROKEN = "import nowhere_to_be_found\n"

CASES = {
    "a rerun subtest": Case(SUBTEST, ("passed", 0), {"passed": 2}, args=RERUNS),
    "a rerun subtest over workers": Case(
        SUBTEST, ("passed", 0), {"passed": 2}, args=RERUNS, flags=("--workers", "2")
    ),
    "a crash that was rerun": Case(
        DIES_ONCE, ("passed", 0), {"passed": 3}, args=RERUNS, flags=("--workers", "2")
    ),
    "a report that cannot be sent": Case(
        UNSENDABLE, ("failed", 1), {"passed": 1, "failed": 1},
        flags=("--workers", "2"), said=("udce9",),
    ),
    "every kind of result": Case(
        OUTCOMES, ("passed", 0), {"skipped": 2, "xfailed": 1, "xpassed": 1},
        files={"tests/test_whole.py": SKIPPED_WHOLE},
    ),
    "a warning too many": Case(
        WARNS, ("failed", 6), {"passed": 1}, "1 warning of 0 allowed", ("--max-warnings=0",)
    ),
    "a flaky test": Case(
        FLAKY, ("failed", 7), {"passed": 1}, "1 test passed only on a rerun",
        (*RERUNS, "--fail-on-flaky"),
    ),
    "too little coverage": Case(
        "from tests import thing\ndef test_a(): assert thing.f() == 1\n",
        ("failed", 1), {"passed": 1}, "coverage 75 % of 99 % required",
        ("-p", "pytest_cov", "--cov=tests.thing", "--cov-fail-under=99"),
        files={"tests/thing.py": THING, "tests/__init__.py": ""},
    ),
    "a timeout in a subtest": Case(
        SLOW_SUBTEST, ("failed", 1), {"failed": 1, "subfailed": 1},
        args=("-p", "timeout", "--timeout=1"), said=("Timeout", "deep"),
    ),
    "a conftest that fails in every worker": Case(
        "def test_a(): pass\n", ("collection-error", 2), {}, flags=("--workers", "2"),
        files={
            "tests/conftest.py": "import os\nif os.environ.get('PYTEST_XDIST_WORKER'):\n"
                                 "    import nowhere_to_be_found\n"
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_plugins_decide_is_the_same_as_here(boxed: Project, name: str) -> None:
    case = CASES[name]
    boxed.write("tests/test_it.py", case.source)
    for path, text in case.files.items():
        boxed.write(path, text)
    words = (*case.flags, "--", *(("-p", "xdist") if case.flags else ()), *case.args)
    there, here = boxed.start(*words), boxed.start("--backend", "local", *words)
    found, local = there.outcome(), here.outcome()
    told = there.described()
    assert (found["outcome"], found["code"]) == case.verdict, told
    assert (found["counts"], found["because"]) == (case.counts, case.because), told
    assert (found["backend"], local["backend"]) == ("compose", "local")
    for key in ("outcome", "code", "pytest_exit", "counts", "because", "flaky", "passes"):
        assert found[key] == local[key], key
    texts = there.record.path("failures.jsonl")
    failures = texts.read_text() if texts.exists() else ""
    assert [part for part in case.said if part not in failures] == []
    assert _junit(there) == _junit(here)


def _junit(live: Live) -> dict[str, Any]:
    """Return the counts of a run's JUnit, and what its cases hold, without times and texts."""
    path = live.record.path("junit.xml")
    if not path.exists():
        return {}
    (suite,) = ET.parse(path).getroot()  # noqa: S314 - our own file
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    cases = {
        (case.get("classname"), case.get("name")): [
            (child.tag, child.get("type")) for child in case
        ]
        for case in suite.iter("testcase")
    }
    return {"counts": counts, "cases": cases}
