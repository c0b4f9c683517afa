"""What holds for every line of every view, whatever a test has printed or is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.walkaway.views import samples
from tests.walkaway.views.golden import READERS
from walkaway.model import causes
from walkaway.model.last_start import LastStart, Stage
from walkaway.model.run_view import Counts, RunningTest, RunView, SinceEnd, Stuck, Tree, TreeState
from walkaway.model.vocabulary import Outcome, Status
from walkaway.text import Style, columns
from walkaway.views import failures, last_start, progress, results, runs, started, verdict, waiting

HOSTILE = (
    "a\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b]8;;http://x\x1b\\link\x9b2J\x00\x07\b\x7f\r\n\tb"
    "\u202edcba\u2066\u200b\u2028\udce9\x85\x1bc\x1b(0\x90q\x1b\\z"
)
OURS = re.compile(r"\x1b\[(?:1|2|32|33|1;31|0)m")
UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
WORDS = [f"{HOSTILE}{n}" for n in range(12)]


def hostile_look() -> RunView:
    """Return a live look of which every text is hostile."""
    run = samples.RUN._replace(label=HOSTILE, argv=(HOSTILE,), root=f"/{HOSTILE}", args=(HOSTILE,))
    run = run._replace(origin=run.origin._replace(kind=HOSTILE))
    return samples.look(
        run=run,
        log=f"/{HOSTILE}/x.log",
        phase=HOSTILE,
        why_unknown=HOSTILE,
        ending=HOSTILE,
        tree=Tree(HOSTILE, 1, tuple(WORDS), 12),
        flights=tuple(RunningTest(word, word, 4.0, 0.0) for word in WORDS),
        tail=tuple(WORDS),
        counts=Counts(45, 120, {"passed": 1, "failed": 2, HOSTILE: 3}, 1, 1, 1),
    )


def hostile_end(outcome: Outcome) -> RunView:
    """Return an ended look of which every text is hostile."""
    end = samples.ended(
        outcome,
        1,
        HOSTILE,
        notes=tuple(WORDS),
        lost=60,
        lost_ids=tuple(WORDS),
        not_run=3,
        crashed=tuple(WORDS),
        stuck=tuple(Stuck(word, word, 3.0, 1.0, tuple(WORDS)) for word in WORDS),
        stopping=HOSTILE,
        said=tuple(WORDS),
    ).ended
    since = SinceEnd(9.0, TreeState.CHANGED, tuple(WORDS), 12)
    return replace(hostile_look(), status=Status.DONE, ended=end, since_end=since)


ENTRIES = [
    samples.entry(
        word, n, type=word, msg=word, at=word, r=word, w=word,
        text=f"{word}:3: in {word}\n  {word}", out=[[word, f"{word}\n{word}"]],
    )
    for n, word in enumerate(WORDS)
]  # fmt: skip
CAUSES = causes.group(ENTRIES)
LIVE = hostile_look()
VIEWS: dict[str, Callable[[Style], list[str]]] = {
    "progress": lambda style: progress.lines(LIVE, style),
    "collecting": lambda style: progress.lines(replace(LIVE, status=Status.PREPARING), style),
    "unknown": lambda style: progress.lines(replace(LIVE, status=Status.UNKNOWN), style),
    "failures": lambda style: failures.lines(LIVE, CAUSES, style, 12),
    "cascade": lambda style: failures.lines(
        LIVE, causes.group([{**entry, "cause": 0} for entry in ENTRIES[:1] * 9]), style, 9
    ),
    "no failures": lambda style: failures.lines(LIVE, [], style, 12),
    "results": lambda style: results.lines(LIVE, [(HOSTILE, HOSTILE, 1.0, HOSTILE)], style, 3),
    "runs": lambda style: runs.lines([LIVE], style, 0, 0.0),
    "started": lambda style: started.lines(LIVE.run, LIVE.log, False, 0.0, style),  # noqa: FBT003 - the signature
    "last start": lambda style: [
        line
        for stage in Stage
        for line in last_start.lines(
            LastStart(stage, 64, f"{HOSTILE}\n{HOSTILE}", HOSTILE, 0.0),
            style,
            9.0,
            "inv wait",
            last_start.of_run(LIVE, style, "wait"),
        )
    ],
    "notice": lambda style: [
        last_start.notice(LastStart(Stage.DIED, 70, HOSTILE, HOSTILE, 0.0), style, 9.0)
    ],
    "news": lambda style: waiting.news(None, LIVE, ENTRIES, style),
    "still": lambda style: waiting.still(LIVE, style),
}
ENDS = {f"verdict {outcome}": hostile_end(outcome) for outcome in Outcome}
VIEWS.update({
    name: lambda style, look=look: verdict.lines(look, style, CAUSES)  # type: ignore[misc] # bound per loop
    for name, look in ENDS.items()
})  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", VIEWS)
def test_no_control_character_of_a_test_reaches_the_reader(name: str, reader: str) -> None:
    style = READERS[reader]
    for line in VIEWS[name](style):
        ours = OURS.sub("", line) if style.terminal else line
        assert not UNSEEN.search(ours), ascii(line)


@pytest.mark.parametrize("name", VIEWS)
def test_every_line_can_be_encoded(name: str) -> None:
    for style in READERS.values():
        "".join(VIEWS[name](style)).encode()


@pytest.mark.parametrize("reader", ["pipe", "agent"])
@pytest.mark.parametrize("look", [*samples.LIVE.values(), LIVE], ids=[*samples.LIVE, "hostile"])
def test_progress_is_short_without_a_terminal(look: RunView, reader: str) -> None:
    lines = progress.lines(look, READERS[reader])
    assert len(lines) <= 25
    assert all(lines)


@pytest.mark.parametrize("look", samples.LIVE.values(), ids=samples.LIVE)
def test_progress_of_a_live_run_fits_the_width_of_a_terminal(look: RunView) -> None:
    for line in progress.lines(look, READERS["terminal"])[1:]:
        assert columns(OURS.sub("", line)) <= 100


@pytest.mark.parametrize("reader", READERS)
def test_the_first_line_names_the_run_and_how_it_stands(reader: str) -> None:
    for look in (*samples.LIVE.values(), *samples.ENDINGS.values()):
        first = OURS.sub("", progress.lines(look, READERS[reader])[0])
        outcome: str = look.ended.outcome if look.ended else look.status
        word = outcome.replace("-", " ").upper()
        if look is samples.ENDINGS["passed-by-a-plugin"]:  # never a bare PASSED beside failures
            word += " as a plugin decided: 3 failed"
        where = "  in Compose" if look.run.backend == "compose" else ""
        label = look.run.label.split(" ")[0]
        assert first.startswith(f"{word}  7f3a{where}  {label}")


@pytest.mark.parametrize("name", samples.ENDINGS)
def test_a_verdict_names_its_exit_code_unless_that_is_0(name: str) -> None:
    look = samples.ENDINGS[name]
    assert look.ended
    first = verdict.lines(look, READERS["pipe"])[0]
    assert first.endswith(f"  exit {look.ended.code}") == (look.ended.code != 0)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", samples.SINCE)
def test_a_verdict_that_was_not_waited_for_says_its_age_in_the_first_line(
    name: str, reader: str
) -> None:
    look = samples.SINCE[name]
    for lines in (
        verdict.lines(look, READERS[reader]),
        failures.lines(look, [], READERS[reader], 0),
    ):
        assert re.search(r"  ended \d[^;]* ago; .*since", lines[0])


@pytest.mark.parametrize("name", [name for name in samples.ENDINGS if name.startswith("passed")])
def test_a_pass_takes_three_lines_at_most(name: str) -> None:
    assert len(verdict.lines(samples.ENDINGS[name], READERS["agent"])) <= 3


@pytest.mark.parametrize("name", [*samples.LIVE, *samples.ENDINGS])
def test_whatever_is_not_a_success_ends_with_what_to_do_next(name: str) -> None:
    look = (samples.LIVE | samples.ENDINGS)[name]
    if look.ended and look.ended.outcome in {Outcome.PASSED, Outcome.NOTHING_RUN}:
        return
    last = progress.lines(look, READERS["pipe"])[-1]
    assert last.startswith("next: ")
    assert "--run 7f3a" in last or name.startswith("not-started")
