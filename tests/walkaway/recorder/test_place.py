"""How other plugins find the record, and what they add to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.walkaway.support.recorded import Project

ASKS = """
    import json, os, pathlib, subprocess, sys
    import pytest

    NESTED = "def test_inner(pytestconfig):\\n" \\
        "    assert pytestconfig.pluginmanager.get_plugin('walkaway-place') is None\\n"

    @pytest.mark.parametrize("n", range(4))
    def test_it(pytestconfig, n):
        place = pytestconfig.pluginmanager.get_plugin("walkaway-place")
        told = [place.folder, place.epoch, place.pass_no, os.environ.get("PYTEST_XDIST_WORKER", "")]
        pathlib.Path(place.folder, f"told-{n}.json").write_text(json.dumps(told))
        assert not [name for name in os.environ if name.startswith("WALKAWAY_RECORD")]

    def test_of_a_pytest_inside(tmp_path):
        path = tmp_path / "test_inner.py"
        path.write_text(NESTED)
        words = ["-q", "-p", "no:cacheprovider", str(path)]
        assert pytest.main(words) == 0
        done = subprocess.run([sys.executable, "-m", "pytest", *words], capture_output=True)
        assert done.returncode == 0, done.stdout
"""


@pytest.mark.parametrize("workers", [0, 2, 4])
def test_a_plugin_finds_the_record_in_every_worker(project: Project, workers: int) -> None:
    project.write(test_it=ASKS)
    run = project.run(*(("-p", "xdist", "-n", str(workers)) if workers else ()))
    assert run.wait() == 0, run.log
    told = [json.loads((run.folder / f"told-{n}.json").read_bytes()) for n in range(4)]
    assert {(folder, number) for folder, _, number, _ in told} == {(str(run.folder), 1)}
    assert len({epoch for _, epoch, _, _ in told}) == 1
    assert 0 <= run.one("loaded")["t"] < 60
    assert all(bool(worker) == bool(workers) for *_, worker in told)
    assert run.errors() == []


MEASURED = """
    import pytest

    GIVEN = {
        "both": {"peak_bytes": 5_000_000, "growth_bytes": -4096},
        "more": {"peak_bytes": 7, "growth_bytes": 1, "what": "else"},
        "half": {"peak_bytes": 7},
        "text": "much",
        "none": None,
    }

    @pytest.mark.parametrize("name", GIVEN)
    def test_it(name, request):
        request.node.user_properties.append(("walkaway_memory", GIVEN[name]))
        request.node.user_properties.append(("color", "red"))

    def test_failed(request):
        request.node.user_properties.append(("walkaway_memory", GIVEN["both"]))
        assert 0

    def test_twice(request):
        request.node.user_properties.append(("walkaway_memory", GIVEN["both"]))
        request.node.user_properties.append(("walkaway_memory", GIVEN["more"]))

    def test_plain(): pass
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_a_tests_memory_stands_in_its_event(project: Project, workers: int) -> None:
    project.write(test_it=MEASURED)
    run = project.run(*(("-p", "xdist", "-n", str(workers)) if workers else ()))
    run.wait()
    ids = run.ids()
    found = {ids[e["i"]].partition("::")[2]: e.get("mem") for e in run.events("f")}
    assert found == {
        "test_it[both]": [5_000_000, -4096],
        "test_it[more]": [7, 1],
        "test_it[half]": None,
        "test_it[text]": None,
        "test_it[none]": None,
        "test_failed": [5_000_000, -4096],
        "test_twice": [7, 1],
        "test_plain": None,
    }
    assert run.errors() == []


def test_a_property_that_is_none_costs_no_result(project: Project) -> None:
    project.write(test_it="def test_a(request): request.node.user_properties.append(7)\n")
    run = project.run()
    run.wait()
    assert run.results() == [("test_a", "passed")]
