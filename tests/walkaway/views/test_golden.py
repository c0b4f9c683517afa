"""Every output in every situation, as it stands on a terminal, in a pipe and before an agent."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.walkaway.views import golden, samples
from walkaway.model import causes
from walkaway.model.last_start import LastStart, Stage
from walkaway.model.run import Limits, Origin
from walkaway.model.run_view import Counts, RunView
from walkaway.model.vocabulary import Outcome
from walkaway.text import Style
from walkaway.views import (
    failures,
    last_start,
    progress,
    results,
    run_json,
    runs,
    started,
    summary,
    verdict,
    waiting,
)

CASCADE = causes.group(samples.cascade())
MIXTURE = causes.group(samples.mixture())
FAILED_DATABASE = replace(
    samples.ENDINGS["failed"],
    counts=Counts(120, 120, {"passed": 82, "error": 38}),
    run=samples.RUN._replace(label="tests/integration"),
)
ROWS = (
    (samples.SLOW_TEST, "failed", 9.41, ""),
    (samples.QUICK_TEST, "passed", 0.004, ""),
    ("tests/unit/test_s3.py::test_upload", "skipped", 0.0, "needs a bucket"),
    ("tests/unit/test_a.py::test_b", "xfailed", 0.2, "issue 12"),
    ("tests/unit/test_image.py::test_resize", "crashed", 1.0, "worker gw1 crashed"),
    ("tests/unit/test_stock.py::test_count[0]", "lost", 0.0, ""),
)
WAITING = (("tests/unit/test_a.py::test_c", "running", 0.0, ""),)


def older(name: str, short: str, age_s: float, kind: str, label: str) -> RunView:
    """Return an ended run of some hours ago."""
    found = samples.ENDINGS[name]
    made = found.run._replace(
        id=f"202611{22 - int(age_s // 86400)}-091530-{short}",
        created_s=samples.CREATED_S - age_s,
        origin=Origin(kind, "x"),
        label=label,
    )
    return replace(found, run=made)


LOOKS = (
    samples.look(),
    older("failed", "01bc", 900, "terminal", "tests/integration"),
    older("passed", "77aa", 7200, "ci", ""),
    older("timed-out", "77aa", 200_000, "shell", "tests -n 4"),
)
NOW_S = samples.CREATED_S + 12.3
MANY_FAILURES = [
    samples.entry(
        f"tests/t.py::test_{n}", n, type="KeyError", msg=f"'key {n}'", at=f"app/k{n}.py:1", text=""
    )
    for n in range(25)
]
MANY_CAUSES = causes.group(MANY_FAILURES)


def no_record(start: LastStart, before: RunView | None, style: Style) -> list[str]:
    """Return what a wait says after a start that made no record."""
    older = last_start.of_run(before, style, "wait")
    return last_start.lines(start, style, samples.CREATED_S, "inv wait", older)


VIEWS: dict[str, Callable[[Style], list[str]]] = {
    **{
        f"verdict/{name}": lambda style, look=look: verdict.lines(look, style)  # type: ignore[misc] # bound per loop
        for name, look in samples.ENDINGS.items()
    },
    "verdict/failed-with-causes": lambda style: verdict.lines(
        samples.ENDINGS["failed"], style, MIXTURE
    ),
    "verdict/failed-cascade": lambda style: verdict.lines(FAILED_DATABASE, style, CASCADE),
    **{
        f"verdict/since-{name}": lambda style, look=look: verdict.lines(look, style)  # type: ignore[misc] # bound per loop
        for name, look in samples.SINCE.items()
    },
    "failures/none-changed-since": lambda style: failures.lines(
        samples.SINCE["changed"], [], style, 0
    ),
    "failures/mixture-unknown-since": lambda style: failures.lines(
        samples.SINCE["unknown"], MIXTURE, style, 8
    ),
    "results/changed-since": lambda style: results.lines(
        samples.SINCE["changed"], ROWS[1:2], style, 0
    ),
    "results/none-changed-since": lambda style: results.lines(
        samples.SINCE["changed"], (), style, 0
    ),
    **{
        f"progress/{name}": lambda style, look=look: progress.lines(look, style)  # type: ignore[misc] # bound per loop
        for name, look in samples.LIVE.items()
    },
    "progress/done": lambda style: progress.lines(samples.ENDINGS["failed"], style),
    "failures/cascade": lambda style: failures.lines(FAILED_DATABASE, CASCADE, style, 38),
    "failures/untraced": lambda style: failures.lines(
        samples.ENDINGS["failed"], causes.group(samples.untraced()), style, 2
    ),
    "failures/mixture": lambda style: failures.lines(
        samples.ENDINGS["failed"], MIXTURE, style, 8
    ),
    "failures/mixture-live": lambda style: failures.lines(samples.look(), MIXTURE, style, 8),
    "failures/since": lambda style: failures.lines(
        samples.look(), causes.group(samples.mixture(), 5), style, 8, 5
    ),
    "failures/many-causes": lambda style: failures.lines(
        samples.ENDINGS["failed"], MANY_CAUSES, style, 25
    ),
    "failures/none": lambda style: failures.lines(samples.ENDINGS["passed"], [], style, 0),
    "failures/none-yet": lambda style: failures.lines(
        samples.LIVE["running-well"], [], style, 0
    ),
    "failures/none-since": lambda style: failures.lines(samples.look(), [], style, 1, 1),
    "failures/none-but-timed-out": lambda style: failures.lines(
        samples.ENDINGS["stalled"], [], style, 0
    ),
    "failures/none-stored": lambda style: failures.lines(samples.ENDINGS["failed"], [], style, 0),
    "results/some": lambda style: results.lines(samples.ENDINGS["failed"], ROWS, style, 0),
    "results/more": lambda style: results.lines(samples.ENDINGS["failed"], ROWS[:1], style, 1200),
    "results/live": lambda style: results.lines(samples.look(), WAITING, style, 0),
    "results/none": lambda style: results.lines(samples.ENDINGS["failed"], (), style, 0),
    "last-start/refused": lambda style: no_record(
        samples.NO_RECORD, samples.ENDINGS["passed"], style
    ),
    "last-start/refused-first": lambda style: no_record(samples.NO_RECORD, None, style),
    "last-start/refused-beside-a-live-run": lambda style: no_record(
        samples.NO_RECORD, samples.look(), style
    ),
    "last-start/died": lambda style: no_record(
        replace(samples.NO_RECORD, stage=Stage.DIED, code=70, message="it was killed"),
        samples.ENDINGS["passed"], style,
    ),
    "last-start/starting": lambda style: no_record(
        replace(samples.NO_RECORD, stage=Stage.STARTING, message=""), None, style
    ),
    "last-start/hunt": lambda style: last_start.lines(
        samples.NO_RECORD, style, samples.CREATED_S, "inv flaky --hunt latest",
        last_start.of_hunt("7d59", style),
    ),
    "last-start/notice": lambda style: [
        last_start.notice(samples.NO_RECORD, style, samples.CREATED_S)
    ],
    "runs/some": lambda style: runs.lines(LOOKS, style, 12, NOW_S),
    "runs/one": lambda style: runs.lines(LOOKS[2:3], style, 0, NOW_S),
    "runs/passed-by-a-plugin": lambda style: runs.lines(
        [samples.ENDINGS["passed-by-a-plugin"], LOOKS[0]], style, 0, NOW_S
    ),
    "runs/none": lambda style: runs.lines((), style, 0, NOW_S),
    "started/new": lambda style: started.lines(
        samples.RUN, f"{samples.FOLDER}.log", False, 0.0, style  # noqa: FBT003 - the signature
    ),
    "started/all": lambda style: started.lines(
        samples.RUN._replace(label="", limits=Limits(deadline_s=0)), "/var/x.log", False, 0.0, style  # noqa: FBT003 - the signature
    ),
    "started/joined": lambda style: started.lines(
        samples.RUN, f"{samples.FOLDER}.log", True, 42.0, style  # noqa: FBT003 - the signature
    ),
    "started/fell-back": lambda style: started.lines(
        samples.RUN._replace(named=True, fell_back="no Docker engine answers"),
        f"{samples.FOLDER}.log", False, 0.0, style,  # noqa: FBT003 - the signature
    ),
    "started/other-python": lambda style: started.lines(
        samples.RUN._replace(named=True, python=".venv (the active /opt/tools is not used)"),
        f"{samples.FOLDER}.log", False, 0.0, style,  # noqa: FBT003 - the signature
    ),
    "waiting/news": lambda style: waiting.news(
        samples.look(), samples.look(), list(samples.mixture()), style
    ),
    "waiting/cascade": lambda style: waiting.news(
        None, samples.look(), list(samples.cascade()), style
    ),
    "waiting/known-causes": lambda style: waiting.news(
        samples.look(), samples.look(), list(samples.cascade())[4:], style
    ),
    "waiting/many-causes": lambda style: waiting.news(
        None, samples.look(), MANY_FAILURES, style
    ),
    "waiting/no-news": lambda style: waiting.news(samples.look(), samples.look(), (), style),
    "waiting/ending": lambda style: waiting.news(
        samples.look(), samples.LIVE["running-ending"], (), style
    ),
    "waiting/adopted": lambda style: waiting.news(
        None, samples.LIVE["running-adopted"], (), style
    ),
    "waiting/still": lambda style: waiting.still(samples.look(), style),
    "waiting/still-collecting": lambda style: waiting.still(samples.LIVE["collecting"], style),
    "waiting/still-engine-silent": lambda style: waiting.still(
        samples.LIVE["engine-silent-ending"], style
    ),
    "waiting/still-unknown": lambda style: waiting.still(samples.LIVE["unknown"], style),
}  # fmt: skip
TEXTS: dict[str, Callable[[], str]] = {
    "json/look.json": lambda: pretty(run_json.look(samples.LIVE["running"])),
    "json/look-ended.json": lambda: pretty(run_json.look(samples.ENDINGS["timed-out"], CASCADE)),
    "json/look-changed-since.json": lambda: pretty(run_json.look(samples.SINCE["changed"])),
    "json/failures.json": lambda: pretty(run_json.failures(FAILED_DATABASE, MIXTURE, 8, 0)),
    "json/results.json": lambda: pretty(run_json.results(samples.ENDINGS["failed"], ROWS, 2)),
    "json/look-passed-by-a-plugin.json": lambda: pretty(
        run_json.look(samples.ENDINGS["passed-by-a-plugin"])
    ),
    "json/runs.json": lambda: pretty(run_json.runs(LOOKS[:2], 12)),
    "json/refused.json": lambda: pretty(
        run_json.no_record(samples.NO_RECORD, samples.ENDINGS["passed"])
    ),
    "json/refused-failures.json": lambda: pretty(
        run_json.no_record_of("total", "since", "causes")(samples.NO_RECORD, None)
    ),
    "json/starting.json": lambda: pretty(
        run_json.no_record(replace(samples.NO_RECORD, stage=Stage.STARTING, code=75), None)
    ),
    "json/log.json": lambda: pretty(run_json.log(samples.RUN.id, samples.FOLDER, ["a", "b"])),
    "json/started.json": lambda: pretty(
        run_json.started(samples.RUN, f"{samples.FOLDER}.log", joined=False)
    ),
    "summary/passed.md": lambda: summary.markdown(samples.ENDINGS["passed"], ()),
    "summary/failed.md": lambda: summary.markdown(samples.ENDINGS["failed"], MIXTURE),
    "summary/passed-by-a-plugin.md": lambda: summary.markdown(
        samples.ENDINGS["passed-by-a-plugin"], MIXTURE
    ),
    "summary/failed-for-flaky-tests.md": lambda: summary.markdown(
        samples.ENDINGS["failed-for-flaky-tests"], ()
    ),
    "summary/timed-out.md": lambda: summary.markdown(samples.ENDINGS["timed-out"], ()),
    "summary/incomplete.md": lambda: summary.markdown(samples.ENDINGS["incomplete"], ()),
    "summary/running.md": lambda: summary.markdown(samples.look(), ()),
}


def pretty(data: object) -> str:
    """Return JSON as a golden file holds it."""
    return json.dumps(data, indent=1) + "\n"


@pytest.mark.parametrize("name", VIEWS)
def test_an_output_is_as_its_golden_file_says(name: str) -> None:
    golden.check_lines(name, VIEWS[name])


@pytest.mark.parametrize("name", TEXTS)
def test_a_document_is_as_its_golden_file_says(name: str) -> None:
    golden.check(name, TEXTS[name]())


def test_every_golden_file_belongs_to_an_output() -> None:
    paths = {str(path.relative_to(golden.FOLDER)) for path in golden.FOLDER.rglob("*.*")}
    others = ("hunt", "doctor/", "environment/", "story/")  # held by the tests of those views
    found = {path for path in paths if not path.startswith(others)}
    assert found == {f"{name}.txt" for name in VIEWS} | set(TEXTS)


def test_every_outcome_has_a_golden_file() -> None:
    assert {look.ended.outcome for look in samples.ENDINGS.values() if look.ended} == set(Outcome)
