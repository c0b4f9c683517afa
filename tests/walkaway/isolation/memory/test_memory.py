"""What tests take of memory, a limit for one, and large objects let go of."""

from __future__ import annotations

import re
import resource
from typing import Any

import pytest

from tests.walkaway.support.nested import SERIAL, WAYS, Nested, Outcome
from walkaway.isolation.memory import process_memory, sizes

MB = 1 << 20
TOLD = """
import json
import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    if report.when == "teardown" and not hasattr(report, "node"):
        with open("told", "a") as file:
            value = dict(report.user_properties).get("walkaway_memory")
            count = sum(name == "walkaway_memory" for name, _ in report.user_properties)
            name = report.nodeid.rpartition("::")[2]
            file.write(json.dumps({"name": name, "memory": value, "count": count}) + "\\n")
"""


def told(nested: Nested) -> dict[str, Any]:
    return {str(line["name"]): line["memory"] for line in nested.said("told")}


@pytest.fixture
def project(nested: Nested) -> Nested:
    """A project that writes down what the reports of its tests say."""
    nested.conftest(TOLD)
    return nested


@pytest.mark.parametrize(
    ("text", "size"),
    [("200 MB", 200 * MB), ("1.5GB", 1536 * MB), ("512 KiB", 512 << 10), ("10 b", 10)],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert sizes.parsed(text) == size


@pytest.mark.parametrize("wrong", ["", "200", "MB", "-1 MB", "0 MB", "1 TB", 200, None])
def test_what_is_no_size_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="write"):
        sizes.parsed(wrong)


def test_a_peak_that_is_gone_again_is_seen_and_reset() -> None:
    assert process_memory.reset_peak()
    before = process_memory.resident_bytes()
    data = bytearray(60 * MB)
    del data
    assert 55 * MB < process_memory.peak_bytes() - before < 90 * MB
    assert process_memory.resident_bytes() - before < 20 * MB
    process_memory.reset_peak()
    assert process_memory.peak_bytes() - before < 20 * MB


def test_the_ceiling_stops_a_runaway_and_is_put_back() -> None:
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    grown: list[bytearray] = []
    with process_memory.ceiling(50 * MB), pytest.raises(MemoryError):
        grown.extend(bytearray(10 * MB) for _ in range(100))
    assert 4 <= len(grown) <= 60
    grown.clear()
    assert resource.getrlimit(resource.RLIMIT_DATA) == limits
    assert len(bytearray(300 * MB)) == 300 * MB


TAKES = """
    import pytest
    KEPT = []
    def test_small(): pass
    def test_peak():
        data = bytearray(100 << 20)
    def test_grows():
        KEPT.append(bytearray(50 << 20))
    @pytest.fixture
    def data():
        return bytearray(70 << 20)
    def test_fixture(data): pass
    def test_fails_with_much():
        data = bytearray(80 << 20)
        assert len(data) == 0
    @pytest.fixture
    def broken():
        data = bytearray(90 << 20)
        raise OSError
    def test_set_up_fails(broken): pass
    @pytest.fixture
    def transient():
        data = bytearray(170 << 20)
    @pytest.mark.limit_memory("40 MB")
    def test_setup_counts(transient): pass
"""


@pytest.mark.parametrize("way", WAYS)
def test_peak_and_growth_stand_in_the_report(project: Nested, way: str) -> None:
    project.write("test_it.py", TAKES)
    project.run(*WAYS[way])
    found = told(project)
    assert all(line["count"] == 1 for line in project.said("told"))
    # A worker's own memory is some 60 MB; test_grows may have come first.
    for name, more in {"test_peak": 100, "test_fixture": 70, "test_fails_with_much": 80,
                       "test_set_up_fails": 90, "test_setup_counts": 170}.items():  # fmt: skip
        assert found[name]["peak_bytes"] > (more + 20) * MB, (name, found)
        assert found[name]["growth_bytes"] < 20 * MB, (name, found)
    assert found["test_small"]["growth_bytes"] < 10 * MB
    assert 40 * MB < found["test_grows"]["growth_bytes"] < 70 * MB


LIMITS = """
    import asyncio, pytest, resource, threading, unittest
    @pytest.mark.limit_memory("50 MB")
    def test_within():
        data = bytearray(30 << 20)
    @pytest.mark.limit_memory("50 MB")
    def test_above():
        data = bytearray(70 << 20)
    @pytest.mark.limit_memory("50 MB")
    def test_runaway():
        data = []
        for _ in range(200):
            data.append(bytearray(10 << 20))
        assert 0, "not stopped"
    @pytest.mark.limit_memory("50 MB")
    class TestClass:
        def test_of_class(self):
            data = bytearray(70 << 20)
    @pytest.mark.limit_memory("50 MB")
    def test_fails_otherwise():
        assert "this" == "that"
    @pytest.mark.limit_memory("20 MB")
    def test_threads():  # their stacks are mapped, not used
        gate = threading.Event()
        threads = [threading.Thread(target=gate.wait) for _ in range(40)]
        try:
            for thread in threads:
                thread.start()
        finally:
            gate.set()
        for thread in threads:
            thread.join()
    def test_free():
        assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY
        data = bytearray(400 << 20)
    @pytest.mark.limit_memory("50 MB")
    async def test_async():
        data = bytearray(70 << 20)
    def run_away():
        data = []
        for _ in range(200):
            data.append(bytearray(10 << 20))
    @pytest.mark.limit_memory("50 MB")
    async def test_runaway_group():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(run_away))
    @pytest.mark.limit_memory("50 MB")
    async def test_other_group():
        raise ExceptionGroup("others", [OSError()])
    @pytest.mark.limit_memory("50 MB")
    class TestCase(unittest.TestCase):
        def test_runaway_case(self):
            run_away()
        def test_other_case(self):
            assert "this" == "that"
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_test_above_its_limit_fails_with_its_peak_and_the_others_do_not(
    project: Nested, way: str
) -> None:
    project.write("test_it.py", LIMITS)
    ended = project.run(*WAYS[way])
    assert _wrong(ended) == {"test_above", "test_runaway", "test_of_class", "test_async",
                             "test_fails_otherwise", "test_runaway_group", "test_other_group",
                             "test_runaway_case", "test_other_case"}, ended  # fmt: skip
    for name in ("test_above", "TestClass::test_of_class", "test_async"):
        said = ended.messages[name.rpartition(":")[2]]
        assert re.search(f"test_it.py::{name} took (69|70)", said)
        assert "MB at its peak, its limit is 50 MB" in said
        assert "raise the test's limit_memory." in said
    runaway = ended.messages["test_runaway"]
    assert "test_it.py::test_runaway was stopped at its limit of 50 MB" in runaway
    assert "data.append(bytearray(10 << 20))" in runaway
    assert "not stopped" not in runaway.replace('assert 0, "not stopped"', "")
    for name in ("test_runaway_group", "TestCase::test_runaway_case"):
        said = ended.messages[name.rpartition(":")[2]]
        assert f"test_it.py::{name} was stopped at its limit of 50 MB" in said
        assert "data.append(bytearray(10 << 20))" in said
    for name in ("test_other_group", "test_other_case", "test_fails_otherwise"):
        assert "limit of" not in ended.messages[name]
    assert "this" in ended.messages["test_fails_otherwise"]


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('"much"', "limit_memory: 'much' is not a size: write"),
        ("200", "limit_memory: 200 is not a size"),
        ("", "limit_memory: takes one size"),
    ],
)
def test_a_limit_that_is_no_size_fails_its_test(project: Nested, mark: str, said: str) -> None:
    project.write(
        "test_it.py", f"import pytest\n@pytest.mark.limit_memory({mark})\ndef test_it(): pass\n"
    )
    ended = project.run(*SERIAL)
    assert _wrong(ended) == {"test_it"}
    assert said in ended.text


RELEASED = """
    import weakref, gc
    import pytest
    gc.disable()  # what is let go of is not let go of by chance
    REFS = {}
    class Large:
        def __init__(self, name):
            self.data = bytearray(60 << 20)
            REFS[name] = weakref.ref(self)
    def resident():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    BEFORE = resident()

    def test_1_fails():
        large = Large("frame of a failed test")
        assert large is None
    def test_2_after_it():
        assert resident() - BEFORE < 40 << 20, resident() - BEFORE

    class TestSelf:
        def test_3_self(self):
            self.large = Large("self")
    def test_4_cycle():
        cycle = [Large("cycle")]
        cycle.append(cycle)
    def test_5_generator():
        def generate(large):
            try:
                yield 1
            finally:
                large = None
        held = generate(Large("generator"))
        next(held)
        cycle = [held]
        cycle.append(cycle)
    def test_6_cause():
        def inner():
            large = Large("cause")
            raise ValueError
        try:
            inner()
        except ValueError as error:
            raise OSError from error
    @pytest.fixture
    def broken():
        yield
        large = Large("teardown that fails")
        raise OSError
    def test_7_teardown(broken): pass
    def test_8(): pass
    def test_9_all_are_gone():
        assert {name for name, ref in REFS.items() if ref() is not None} == set()
        assert len(REFS) == 6
        assert resident() - BEFORE < 40 << 20
"""


def test_large_objects_of_a_test_are_gone_when_the_next_begins(project: Nested) -> None:
    project.write("test_it.py", RELEASED)
    ended = project.run(*SERIAL)
    assert _wrong(ended) == {"test_1_fails", "test_6_cause", "test_7_teardown"}, ended


LARGE = """
    import weakref
    import pytest
    KEPT, REFS = [], []
    class Data(list):
        pass

    @pytest.fixture(scope="session")
    def load_large_dataset():
        def load():
            data = Data([bytearray(60 << 20)])
            REFS.append(weakref.ref(data))
            return data
        return load

    @pytest.fixture
    def alias(large_dataset):
        return large_dataset

    def test_1_good(large_dataset):
        assert len(large_dataset[0]) == 60 << 20
    def test_2_keeps(large_dataset):
        assert REFS[-2]() is None
        KEPT.append(large_dataset)
    def test_3_keeps_it_in_a_name(large_dataset):
        global NAMED
        NAMED = large_dataset
    def test_4_fails(large_dataset, alias):
        assert large_dataset is None
    def test_5_cycle(alias):
        assert REFS[-2]() is None
        cycle = [alias]
        cycle.append(cycle)
    async def test_6_async(large_dataset):
        assert REFS[-2]() is None
    def test_7_after():
        assert REFS[-1]() is None and len(REFS) == 6
    @pytest.mark.xfail
    def test_8_keeps_and_fails_as_expected(large_dataset):
        KEPT.append(large_dataset)
        assert False
"""


@pytest.mark.parametrize("way", ["serial"])
def test_a_large_dataset_is_gone_after_its_test_or_the_test_is_named(
    project: Nested, way: str
) -> None:
    project.write("test_it.py", LARGE)
    ended = project.run(*WAYS[way])
    assert {name: came for name, came in ended.tests.items() if came != ("passed",)} == {
        "test_2_keeps": ("error",),
        "test_3_keeps_it_in_a_name": ("error",),
        "test_4_fails": ("failure",),
        "test_8_keeps_and_fails_as_expected": ("skipped", "error"),
    }, ended
    assert "test_it.py::test_2_keeps keeps its large_dataset: it is in test_it.KEPT" in ended.text
    assert "keeps its large_dataset: it is in test_it.NAMED" in ended.text


def test_a_large_dataset_without_a_loader_says_what_to_override(project: Nested) -> None:
    project.write("test_it.py", "def test_it(large_dataset): pass\n")
    ended = project.run(*SERIAL)
    assert ended.tests == {"test_it": ("error",)}
    assert "Override the fixture `load_large_dataset` in conftest.py" in ended.text


def _wrong(ended: Outcome) -> set[str]:
    return {name for name, came in ended.tests.items() if came != ("passed",)}
