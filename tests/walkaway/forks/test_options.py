"""Bad input is refused; where forking is not safe the tests run in one process, and it says why."""

from __future__ import annotations

import pytest

from tests.walkaway.forks.suite import Suite

PASSES = "def test_one(): pass\ndef test_two(): pass\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--forks", "0"), "--forks is '0': give a whole number, 1 or more, or auto"),
        (("--forks", "x"), "--forks is 'x': give a whole number"),
        (("--forks", "2", "--pdb"), "a debugger needs one process"),
        (("--forks", "2", "-p", "xdist", "-n", "2"), "choose one of them"),
        (("--forks", "2", "-p", "xdist", "--dist", "each"), "choose one of them"),
        (("--forks", "2", "--forks-test-limit", "0"), "--forks-test-limit is '0': give a number"),
        (("--forks", "2", "--forks-memory", "lots"), "--forks-memory is 'lots': give a number"),
    ],
)
def test_bad_input_is_a_usage_error(suite: Suite, args: tuple[str, ...], said: str) -> None:
    suite.write("test_a.py", PASSES)
    ran = suite.run(*args)
    assert ran.code == 4
    assert said in ran.out


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "from threading import *\nThread(None, Event().wait, 'pump', daemon=True).start()\n",
            "a thread is running: pump",
        ),
        (
            "import socket\nLEFT, RIGHT = socket.socketpair()\n",
            "a connection to another socket was opened before the tests",
        ),
        (
            "import asyncio\nLOOP = asyncio.new_event_loop()\n",
            "an event loop was made before the tests",
        ),
        (
            "import sqlite3\nDATABASE = sqlite3.connect('data.db')\n",
            "data.db was opened before the tests",
        ),
    ],
)
def test_where_forking_is_not_safe_it_says_why_and_runs_all(
    suite: Suite, source: str, said: str
) -> None:
    suite.write("test_a.py", source + PASSES)
    ran = suite.run("--forks", "2")
    assert ran.code == 0, ran.out
    assert f"forks: the tests run in this process: {said}" in ran.out or said in ran.out
    assert sum(ran.results.values()) == 2


def test_listing_and_an_empty_selection_are_as_ever(suite: Suite) -> None:
    suite.write("test_a.py", PASSES)
    assert suite.run("--forks", "2", "--collect-only").code == 0
    assert suite.run("--forks", "2", "-k", "nothing").code == 5


def test_an_error_of_collection_ends_the_run_before_a_test(suite: Suite) -> None:
    suite.write("test_a.py", PASSES)
    suite.write("test_b.py", "import nowhere\n")
    ran = suite.run("--forks", "2")
    assert ran.code == 2
    assert ran.results.total() == 1
