"""What a person sees: a bar and colours at a terminal, none where they are not wanted."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from invoke.context import Context

from tests.walkaway.support.project import GATED, INV, Project
from tests.walkaway.support.waiting import wait_for
from walkaway.process import proc_table
from walkaway.tasks import invoke_adapter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    shutil.which("tmux") is None and not os.environ.get("CI"),
    reason="tmux is not installed (Debian: apt-get install tmux); CI always has it",
)
BAR = "━"


class Screen:
    """A terminal of 100 columns (or COLUMNS) and 30 lines with a shell in it."""

    def __init__(self, socket: Path, project: Project, env: Mapping[str, str]) -> None:
        self._tmux = ("tmux", "-f", "/dev/null", "-S", str(socket))
        wide = env.get("COLUMNS", "100")
        rest = {name: value for name, value in env.items() if name != "COLUMNS"}
        given = {**project.env(), "PS1": "$ ", "LC_ALL": "C.UTF-8", **rest}
        given.pop("COLUMNS", None)  # xdist gives its workers one: the terminal's own width counts
        variables = [f"{name}={value}" for name, value in given.items()]
        size = ("-x", wide, "-y", "30")
        shell = ("env", "-i", *variables, "TERM=screen-256color", *self._term(env), "sh")
        self._run("new-session", "-d", *size, "-c", str(project.root), shlex.join(shell))

    @staticmethod
    def _term(env: Mapping[str, str]) -> tuple[str, ...]:
        return (f"TERM={env['TERM']}",) if "TERM" in env else ()

    def _run(self, *words: str) -> str:
        done = subprocess.run(
            (*self._tmux, *words), check=True, capture_output=True, encoding="utf-8", timeout=60
        )
        return done.stdout

    def type(self, *words: str) -> None:
        """Run one task; its end is shown as `status=CODE`: no answer of ours has that."""
        line = f"clear; {shlex.join((*INV, *words))}; echo status=$?"
        self._run("send-keys", "-l", line)
        self._run("send-keys", "Enter")

    def clear(self) -> None:
        """Empty the screen: the end of the task before must not be taken for the next one's."""
        self._run("send-keys", "clear", "Enter")
        wait_for(lambda: "status=" not in self.shown(), "a screen that is empty")

    def press(self, key: str) -> None:
        self._run("send-keys", key)

    def shown(self, *, colours: bool = False, joined: bool = False) -> str:
        """Return what stands there; ``joined``: a line that was too long for it is one again."""
        return self._run("capture-pane", "-p", *["-e"] * colours, *["-J"] * joined)

    def until(self, text: str) -> str:
        wait_for(lambda: text in self.shown(), f"{text!r} in\n{self.shown()}")
        return self.shown()

    def close(self) -> None:
        """End the terminal, and wait for its shell: tmux hangs up and does not look back."""
        pid = int(self._run("display-message", "-p", "#{pane_pid}"))
        start = proc_table.start_ticks(pid)
        self._run("kill-server")
        wait_for(lambda: not proc_table.alive(pid, start), "the terminal's shell to be gone")


@pytest.fixture
def screen(project: Project, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Screen]:
    """A terminal in a project whose tests wait at a gate."""
    project.write("tests/test_it.py", "def test_bad(): assert 1 == 2\n" + GATED)
    screen = Screen(tmp_path / "tmux", project, getattr(request, "param", {}))
    yield screen
    screen.close()


def at_gate(project: Project, tests: int = 3) -> None:
    wait_for(project.records.ids, "the run")
    live = project.live()
    wait_for(lambda: len(live.events("s")) == tests, f"the gate\n{live.described()}")


def test_a_bar_is_shown_while_a_test_runs_and_nothing_of_it_is_left(
    project: Project, screen: Screen
) -> None:
    screen.type("test")
    at_gate(project)
    live = screen.until("2/3")
    assert BAR in live
    assert "1 failed" in live
    assert "\x1b[" in screen.shown(colours=True)
    project.open_gate()
    end = screen.until("status=1")
    assert BAR not in end
    assert "2/3" not in end
    lines = [line for line in end.splitlines() if line.strip()]
    short = project.live().run.short
    assert lines[0].startswith(f"started  {short}  all tests")
    assert lines[1].startswith("FAILED  tests/test_it.py::test_bad")
    assert lines[2].startswith(f"FAILED  {short}  all tests")
    assert all(line == line.rstrip() for line in lines)


def test_ctrl_c_at_a_terminal_s_wait_leaves_the_run_and_a_clean_screen(
    project: Project, screen: Screen
) -> None:
    screen.type("test-async")
    at_gate(project)
    screen.until("status=0")
    screen.type("wait")
    screen.until("2/3")
    screen.press("C-c")
    end = screen.until("status=130")
    short = project.live().run.short
    assert f"{short} is still running: inv wait --run {short}" in end
    assert BAR not in end
    assert "Traceback" not in end
    screen.type("progress")
    looked = screen.until("status=0")
    assert BAR in looked
    assert f"RUNNING  {short}" in looked
    project.open_gate()
    project.live().outcome()


def test_ctrl_c_at_a_followed_log_leaves_the_run_and_says_how_to_go_on(
    project: Project, screen: Screen
) -> None:
    project.start()
    at_gate(project)
    screen.type("log", "--follow")
    screen.until("test_before PASSED")
    screen.press("C-c")
    lines = screen.until("status=130").splitlines()
    short = project.live().run.short
    row = lines.index(
        f"{short} is still running: inv wait --run {short}  or  inv log --run {short} --follow"
    )
    assert lines[row - 1].endswith("^C")
    assert lines[row + 1].startswith("status=130")
    assert "Traceback" not in "\n".join(lines)
    project.open_gate()
    assert project.live().outcome()["outcome"] == "failed"


LONG = """\
import pytest

class TestRefundOfAnOrderThatWasPaid:
    @pytest.mark.parametrize("currency", ["euro", "dollar"])
    def test_partially_refunded_orders_keep_their_rest(self, currency):
        if currency == "euro":
            pytest.skip("the bank that gives euros back is not there on Sundays and holidays")
"""


@pytest.mark.parametrize("screen", [{"COLUMNS": "60"}], indirect=True, ids=["60 columns"])
def test_a_narrow_terminal_breaks_no_word(project: Project, screen: Screen) -> None:
    project.write("tests/test_it.py", LONG)
    project.ended("--", "tests/test_it.py", "-k", "partially_refunded and not nothing")
    project.ended()
    project.write("tests/test_it.py", GATED)
    project.start()
    at_gate(project, 2)
    for words in (("results",), ("results", "--limit", "1"), ("runs",)):
        screen.clear()
        run = ("--run", project.records.ids()[-2]) if words[0] == "results" else ()
        screen.type(*words, *run)
        lines = screen.until("status=0").splitlines()
        told = lines[: next(n for n, line in enumerate(lines) if line.startswith("status=0"))]
        # What is broken by the terminal fills its line; what we break does not.
        assert all(len(line) <= 60 for line in told)
        whole = screen.shown(joined=True).splitlines()
        assert whole[: len(told)] == told, whole
    project.open_gate()
    project.live().outcome()


def test_ctrl_c_at_a_terminal_s_test_stops_it(project: Project, screen: Screen) -> None:
    screen.type("test")
    at_gate(project)
    screen.until("2/3")
    screen.press("C-c")
    end = screen.until("status=130")
    short = project.live().run.short
    assert f"stopping {short}: Ctrl-C again" in end
    assert f"INTERRUPTED  {short}" in end
    assert BAR not in end
    assert project.live().outcome()["outcome"] == "interrupted"


UNWANTED = ({"NO_COLOR": "1"}, {"TERM": "dumb"}, {"CI": "true"}, {"AI_AGENT": "x"})


@pytest.mark.parametrize("environ", [{}, *UNWANTED], ids=repr)
def test_who_wants_no_colour_is_no_terminal(project: Project, environ: dict[str, str]) -> None:
    with (
        mock.patch.dict(os.environ, {**project.env(), "TERM": "xterm", **environ}, clear=True),
        mock.patch("sys.stdout.isatty", return_value=True),
    ):
        here = invoke_adapter.here(Context())
    assert here.terminal is here.style.terminal is (environ == {})
    assert here.attended is not bool({"CI", "AI_AGENT"} & environ.keys())


@pytest.mark.parametrize(
    "screen",
    [UNWANTED[0], *(pytest.param(env, marks=pytest.mark.soak) for env in UNWANTED[1:])],
    indirect=True,
    ids=lambda env: "=".join(*env.items()),
)
def test_no_colour_and_no_bar_where_they_are_not_wanted(project: Project, screen: Screen) -> None:
    screen.type("test")
    at_gate(project)
    live = screen.until("FAILED  tests/test_it.py::test_bad")
    assert BAR not in live
    project.open_gate()
    end = screen.until("status=1")
    assert BAR not in end
    assert "\x1b[" not in screen.shown(colours=True)
