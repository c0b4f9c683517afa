"""A seed decides the order of tests: the same in every process, and with what the project says."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.walkaway.support.scratch import Scratch
from walkaway.runs.request import seed as checked

if TYPE_CHECKING:
    from tests.walkaway.support.scratch import Live

MODULE = """\
import pytest

class TestA:
    def test_1(self): pass
    def test_2(self): pass
    class TestInner:
        def test_3(self): pass
        def test_4(self): pass

class TestB:
    def test_5(self): pass
    def test_6(self): pass

@pytest.mark.parametrize("n", range(6))
def test_7(n): pass

def test_8(): pass
"""


def ordered(project: Scratch, seed: str, *args: str, **environ: str) -> Live:
    """Run in the order of a seed, to the end."""
    from unittest import mock

    from walkaway.runs import start

    made = start.start

    def seeded(records: Any, wanted: Any, **more: Any) -> Any:  # noqa: ANN401 - as start takes it
        return made(records, wanted._replace(order_seed=seed), **more)

    with mock.patch.object(start, "start", seeded):
        live = project.start(*args, environ=environ)
    assert live.outcome()["outcome"] in {"passed", "failed"}, live.described()
    return live


def order(live: Live) -> list[str]:
    return live.record.path("collected.txt").read_text(encoding="utf-8").splitlines()


def runs_of(values: list[str]) -> int:
    """How many blocks of equal neighbours there are."""
    return 1 + sum(a != b for a, b in itertools.pairwise(values))


def with_modules(scratch: Scratch) -> Scratch:
    for name in ("test_x.py", "sub/test_y.py", "sub/test_z.py"):
        scratch.write(name, MODULE)
    return scratch


@pytest.fixture
def project(scratch: Scratch) -> Scratch:
    return with_modules(scratch)


@pytest.fixture(scope="module")
def of_seed_1(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The order of a serial run of the whole project with the seed 1."""
    project = with_modules(Scratch(tmp_path_factory.mktemp("seed")))
    project.write("pytest.ini", "[pytest]\naddopts = -p no:cacheprovider\n")
    return order(ordered(project, "1"))


def test_a_seed_gives_one_order_and_another_seed_another(
    project: Scratch, of_seed_1: list[str]
) -> None:
    again, other = (order(ordered(project, seed)) for seed in ("1", "2"))
    assert again == of_seed_1
    assert other != of_seed_1
    assert sorted(other) == sorted(of_seed_1)
    plain = project.start()
    plain.outcome()
    assert order(plain) not in (of_seed_1, other)


def test_modules_and_classes_stay_together(of_seed_1: list[str]) -> None:
    assert runs_of([nodeid.partition("::")[0] for nodeid in of_seed_1]) == 3
    for name in ("test_x.py", "sub/test_y.py", "sub/test_z.py"):
        inside = [nodeid for nodeid in of_seed_1 if nodeid.startswith(name)]
        for group in ("TestA", "TestB", "TestA::TestInner"):
            members = [f"{name}::{group}::" in nodeid for nodeid in inside]
            assert runs_of([str(member) for member in members]) <= 3


def test_tests_that_are_left_out_do_not_change_the_order_of_the_others(
    project: Scratch, of_seed_1: list[str]
) -> None:
    some = order(ordered(project, "1", "-k", "test_7 or test_1"))
    part = order(ordered(project, "1", "sub/test_y.py"))
    assert some == [nodeid for nodeid in of_seed_1 if "test_7" in nodeid or "test_1" in nodeid]
    assert part == [nodeid for nodeid in of_seed_1 if nodeid.startswith("sub/test_y.py")]


@pytest.mark.parametrize("mode", ["load", pytest.param("loadfile", marks=pytest.mark.soak)])
def test_every_worker_comes_to_the_order_of_a_serial_run(
    project: Scratch, of_seed_1: list[str], mode: str
) -> None:
    pytest.importorskip("xdist")
    spread = ordered(project, "1", "-p", "xdist", "-n", "2", "--dist", mode)
    assert order(spread) == of_seed_1
    assert spread.outcome()["reported"] == len(of_seed_1)


def test_the_seed_decides_the_order_of_sets_too(project: Scratch) -> None:
    project.write("test_x.py", "def test_it():\n    assert list(set('abcdefghij')) == 0\n")
    said = [message(ordered(project, "6", "test_x.py")) for _ in range(2)]
    assert len(set(said)) == 1


def message(live: Live) -> str:
    first = live.record.path("failures.jsonl").read_text(encoding="utf-8").splitlines()[0]
    return str(json.loads(first)["msg"]).splitlines()[0]


def test_a_hash_seed_of_the_users_stays_and_nothing_of_ours_in_the_environment(
    project: Scratch,
) -> None:
    project.write(
        "test_x.py",
        "import os\n\n"
        "def test_hashes():\n    assert os.environ['PYTHONHASHSEED'] == '9'\n\n"
        "def test_ours():\n    assert 'WALKAWAY_ORDER' not in os.environ\n",
    )
    outcome = ordered(project, "6", "test_x.py", PYTHONHASHSEED="9").outcome()
    assert (outcome["code"], outcome["counts"]) == (0, {"passed": 2})


def test_pytest_randomly_takes_the_seed_and_leaves_the_order_alone(project: Scratch) -> None:
    pytest.importorskip("pytest_randomly")
    project.write(
        "test_x.py", "import random\n\ndef test_it():\n    assert random.random() is None\n"
    )
    bare = order(ordered(project, "7"))
    first = ordered(project, "7", "-p", "pytest_randomly")
    assert order(first) == bare
    assert "--randomly-seed=7" in first.log()
    other = ordered(project, "8", "-p", "pytest_randomly")
    assert message(other) != message(first)
    own = ordered(project, "7", "-p", "pytest_randomly", "-p", "no:xdist", "--randomly-seed=3")
    assert "--randomly-seed=3" in own.log()
    assert order(own) == bare
    spread = ordered(project, "7", "-p", "xdist", "-n", "2", "-p", "pytest_randomly")
    assert order(spread) == bare
    assert message(spread) == message(first)


def test_pytest_random_order_leaves_the_order_alone(project: Scratch, of_seed_1: list[str]) -> None:
    pytest.importorskip("random_order")
    words = ("-p", "random_order.plugin", "--random-order")
    assert order(ordered(project, "1", *words)) == of_seed_1
    assert order(ordered(project, "1", "-p", "xdist", "-n", "2", *words)) == of_seed_1


def test_an_order_that_the_project_declares_goes_on_to_hold(project: Scratch) -> None:
    pytest.importorskip("pytest_order")
    project.write(
        "test_o.py",
        "import pytest\n\n"
        "@pytest.mark.order(1)\ndef test_last_by_name(): pass\n\n"
        "@pytest.mark.order(2)\ndef test_first_by_name(): pass\n",
    )
    for seed in ("1", "2"):
        found = order(ordered(project, seed, "-p", "pytest_order.plugin"))
        assert found[:2] == ["test_o.py::test_last_by_name", "test_o.py::test_first_by_name"]


def test_ids_with_odd_characters_have_an_order(project: Scratch) -> None:
    project.write(
        "test_x.py",
        "import pytest\n\n@pytest.mark.parametrize('n', ['ä', '🚀', '\\udcff', '\\x00', 'a::b'])\n"
        "def test_it(n): pass\n",
    )
    first, again = (order(ordered(project, "9", "test_x.py")) for _ in range(2))
    assert first == again
    assert len(first) == 5


@pytest.mark.parametrize(
    ("given", "read"), [("0", "0"), ("007", "7"), ("4294967295", "4294967295")]
)
def test_a_seed_is_a_whole_number_that_python_takes_for_hashes(given: str, read: str) -> None:
    assert checked(given, "--seed") == read
