"""What a pass is given in a container, as it is here: seeds and coverage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.walkaway.support.project import Project

pytestmark = pytest.mark.engine

TELLS = """\
import json, os

def test_it():
    with open(os.path.join(os.environ["RECORD"], "told.json"), "w") as file:
        json.dump(dict(os.environ), file)
"""
CONFTEST = "import os\nos.environ['RECORD'] = os.environ['WALKAWAY_RECORD']\n"
NOTES_ARGV = """\
import os, sys
if not os.environ.get("PYTEST_XDIST_WORKER"):
    with open(os.path.join(os.environ["WALKAWAY_RECORD"], "argv.txt"), "a") as file:
        file.write(" ".join(sys.argv) + "\\n")
"""


@pytest.mark.parametrize("own", ["", "9"], ids=["no seed of its own", "a seed of its own"])
def test_the_seed_decides_the_hash_seed_where_the_service_sets_none(
    boxed: Project, own: str
) -> None:
    if own:
        compose = (boxed.root / "docker-compose.yml").read_text()
        boxed.write(
            "docker-compose.yml",
            compose.replace("HOME: /tmp,", f"HOME: /tmp, PYTHONHASHSEED: '{own}',"),
        )
    boxed.write("tests/conftest.py", CONFTEST)
    boxed.write("tests/test_it.py", TELLS)
    live = boxed.ended("--order-seed", "6")
    assert live.outcome()["outcome"] == "passed", live.described()
    told = json.loads(live.record.path("told.json").read_bytes())
    assert told["PYTHONHASHSEED"] == (own or "6")
    assert not [name for name in told if name.startswith("WALKAWAY_DEFAULT")]


def test_a_second_pass_adds_to_the_coverage_of_the_first(boxed: Project) -> None:
    boxed.write("tests/__init__.py", "")
    boxed.write("tests/conftest.py", NOTES_ARGV)
    boxed.write("tests/thing.py", "def f():\n    return 1\n\ndef g():\n    return 2\n")
    killers = "".join(f"def test_k{n}(): os._exit(1)\n" for n in range(4))
    boxed.write(
        "tests/test_it.py",
        f"import os\nfrom tests import thing\n{killers}def test_last(): assert thing.g() == 2\n",
    )
    live = boxed.ended(
        "--workers", "2", "--dist", "loadfile", "--", "-p", "xdist", "--cov=tests.thing"
    )
    outcome = live.outcome()
    assert outcome["passes"] > 1, live.described()
    assert outcome["counts"] == {"crashed": 4, "passed": 1}
    first, *later = live.record.path("argv.txt").read_text().splitlines()
    assert "--cov-append" not in first
    assert later
    assert all("--cov-append" in argv for argv in later)
