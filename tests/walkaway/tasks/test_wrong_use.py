"""Every wrong flag, selector or value: at most three lines, its exit code, no run, no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import INV, Project, made, tidied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.walkaway.support.scratch import Live

FIRST, SECOND = "20260101-000000-aa01", "20260101-000001-aa02"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, finished: Live) -> Iterator[Project]:
    """A project with three finished runs, two of them alike in their digits."""
    with tidied(made(tmp_path_factory.mktemp("wrong") / "project")) as project:
        live = project.inherit(finished)
        for run_id in (FIRST, SECOND):
            record = project.forge(run_id, live)
            shutil.copy(live.record.path("outcome.json"), record.path("outcome.json"))
            record.log.touch()
        yield project


def refused(
    project: Project, code: int, *words: str, env: Mapping[str, str] | None = None
) -> list[str]:
    """Run a task that must refuse, and return its lines on stderr."""
    before = project.records.ids()
    answer = project.inv(*words, env=env)
    lines = answer.stderr.splitlines()
    assert answer.returncode == code, answer.stderr
    assert answer.stdout == ""
    assert 1 <= len(lines) <= 3, answer.stderr
    assert "Traceback" not in answer.stderr
    assert all(len(line) <= 300 for line in lines)
    assert project.records.ids() == before
    return lines


@pytest.mark.parametrize(
    ("code", "words", "told"),
    [
        (66, ["progress", "--run", "nope"], "No run 'nope' here."),
        (66, ["wait", "--run", "../../etc"], "No run '../../etc' here."),
        (64, ["failures", "--run", ""], "--run is empty."),
        (64, ["stop", "--run="], "--run is empty."),
        (64, ["results", "--run", "aa0"], "'aa0' matches 2 runs: "),
        (64, ["log", "--run", "2026"], "'2026' matches 3 runs: "),
        (64, ["wait", "--timeout", "soon"], "--timeout is 'soon': give seconds, 0 "),
        (64, ["wait", "--timeout=-1"], "--timeout is '-1': give seconds"),
        (64, ["wait", "--timeout", ""], "--timeout is '': give seconds"),
        (64, ["wait", "--timeout", "9" * 400], "--timeout is '9999"),
        (64, ["test-async", "--timeout", "0"], "--timeout is '0': give seconds, more than 0"),
        (64, ["test-async", "--timeout", "nan"], "--timeout is 'nan'"),
        (64, ["test-async", "--timeout", "٣"], "--timeout is '٣'"),
        (64, ["test-async", "--stall", "x"], "--stall is 'x': give seconds, 0 (never)"),
        (64, ["test-async", "--workers", "many"], "--workers is 'many': give a number, or auto."),
        (64, ["test-async", "--workers=-2"], "--workers is '-2'"),
        (64, ["test-async", "--workers", "1.5"], "--workers is '1.5'"),
        (64, ["test", "--workers", "²"], "--workers is '²'"),
        (64, ["test-async", "--dist", "x"], "--dist is 'x': give one of load, "),
        (64, ["test-async", "--dist", ""], "--dist is ''"),
        (64, ["test-async", "--order-seed", "x"], "--order-seed is 'x'"),
        (64, ["failures", "--since", "x"], "--since is 'x': give a whole number, 0 or more."),
        (64, ["failures", "--since=-1"], "--since is '-1'"),
        (64, ["log", "--lines", "x"], "--lines is 'x'"),
        (64, ["log", "--lines", "1e3"], "--lines is '1e3'"),
        (64, ["log", "--follow", "--json"], "--follow and --json exclude each other"),
        (64, ["results", "--result", "x"], "--result 'x': give one of crashed, "),
        (64, ["results", "--limit", "x"], "--limit is 'x'"),
        (64, ["runs", "--limit", "-5"], "--limit is '-5'"),
        (66, ["test-async", "--rerun", "nope"], "No run 'nope' here."),
        (64, ["test-async", "--rerun", ""], "--run is empty."),
        (64, ["test-async", "--rerun", "latest:x"], "--rerun is 'latest:x': give RUN, RUN:CAUSE"),
        (64, ["test-async", "--rerun", "latest:"], "--rerun is 'latest:'"),
        (64, ["test-async", "--rerun", "latest:0"], "--rerun is 'latest:0'"),
        (64, ["test-async", "--rerun", "aa01:7"], "Run aa01 has no cause 7."),
        (5, ["test-async", "--rerun", "aa01"], "Run aa01 has no failed test."),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_a_wrong_flag_is_refused_by_name_and_value(
    shared: Project, code: int, words: list[str], told: str
) -> None:
    assert told in refused(shared, code, *words)[0]


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"PYTEST_TIMEOUT": "abc"}, "PYTEST_TIMEOUT is 'abc': give seconds, more than 0"),
        ({"PYTEST_TIMEOUT": "-5"}, "PYTEST_TIMEOUT is '-5'"),
        ({"INVOKE_WALKAWAY_DEADLINE_S": "soon"}, "walkaway.deadline_s is 'soon'"),
        ({"INVOKE_WALKAWAY_STALL_S": "never"}, "walkaway.stall_s is 'never'"),
        ({"INVOKE_WALKAWAY_OUTPUT_BYTES": "8GB"}, "walkaway.output_bytes is '8GB'"),
        ({"INVOKE_WALKAWAY_WORKERS": "x"}, "walkaway.workers is 'x': give a number, or auto."),
        ({"INVOKE_WALKAWAY_PYTEST": "a 'b"}, 'walkaway.pytest is "a \'b": No closing quotation.'),
        ({"INVOKE_WALKAWAY_BACKEND": "vm"}, "walkaway.backend is 'vm'"),
        ({"INVOKE_WALKAWAY_PYTESTS": "x"}, "walkaway.pytests is not a setting."),
    ],
    ids=lambda value: "=".join(*value.items()) if isinstance(value, dict) else "",
)
def test_a_wrong_variable_is_refused_by_name_and_value(
    shared: Project, env: dict[str, str], told: str
) -> None:
    assert told in refused(shared, 64, "test-async", env=env)[0]
    assert shared.inv("runs", env=env).returncode == 0, "a look needs no settings"


@pytest.mark.parametrize(
    ("code", "text", "told"),
    [
        (64, "walkaway: 5", "walkaway is 5: "),
        (64, "walkaway: [a]", "walkaway is ['a']: "),
        (64, "walkaway: text", "walkaway is 'text': "),
        (64, "walkaway: {nope: 1}", "walkaway.nope is not a setting."),
        (64, "walkaway: {deadline_s: [1]}", "walkaway.deadline_s is '[1]'"),
        (64, "walkaway: {deadline_s: true}", "walkaway.deadline_s is 'True'"),
        (64, "walkaway: {deadline_s: .inf}", "walkaway.deadline_s is 'inf'"),
        (64, "walkaway: {log_tail_bytes: {a: 1}}", "walkaway.log_tail_bytes is "),
        (64, "walkaway: {pytest: {a: 1}}", "walkaway.pytest is {'a': 1}: give a list of words"),
        (64, "walkaway: {pytest: [pytest, 3]}", "walkaway.pytest is ['pytest', 3]"),
        (64, "walkaway: {on_end: 3}", "walkaway.on_end is 3"),
        (64, "walkaway: {workers: [2]}", "walkaway.workers is [2]"),
        (69, "walkaway: {pytest: no-such-command}", "walkaway.pytest names 'no-such-command'"),
        (69, "walkaway: {pytest: [./tests]}", "walkaway.pytest names './tests'"),
    ],
)
def test_a_wrong_invoke_yaml_is_refused_by_name_and_value(
    project: Project, code: int, text: str, told: str
) -> None:
    project.write("invoke.yaml", text + "\n")
    assert told in refused(project, code, "test-async")[0]
    assert project.inv("runs").returncode == 0, "a look needs no settings"


@pytest.mark.parametrize("text", ["walkaway:", "walkaway: {}", "other: {a: 1}"])
def test_an_empty_invoke_yaml_is_fine(project: Project, text: str) -> None:
    project.write("invoke.yaml", text + "\n")
    assert project.inv("test").returncode == 0


def test_an_empty_checkout_says_how_to_begin(project: Project) -> None:
    answer = project.inv("runs")
    assert (answer.returncode, answer.stdout) == (0, "no runs here yet\nnext: inv test-async\n")
    for look in ("progress", "wait", "failures", "results", "log", "stop"):
        lines = refused(project, 66, look)
        assert lines == ["No run yet in this checkout.", "Start one: inv test-async"]


def test_notify_without_a_notifier_is_refused(project: Project) -> None:
    found = refused(project, 69, "test-async", "--notify", env={"PATH": "/nowhere"})
    assert found[0].startswith("--notify needs notify-send or osascript")


def test_the_parse_errors_of_invoke_are_its_own(shared: Project) -> None:
    for words in (("wait", "--nope"), ("wait", "--timeout"), ("nope",), ("progress", "extra")):
        answer = shared.inv(*words)
        assert answer.returncode == 1
        assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("place", ["logs", "logs/tests", "logs/tests/pytest"])
def test_a_file_in_the_records_place_is_73(project: Project, place: str) -> None:
    project.write(place, "")
    first = refused(project, 73, "test-async")[0]
    assert first.startswith("Cannot make the records folder ")


def test_a_folder_that_cannot_be_written_is_73(project: Project) -> None:
    # /proc refuses root, too.
    (project.root / "logs").symlink_to("/proc/self")
    refused(project, 73, "test-async")


def test_a_limit_on_file_size_is_73_and_leaves_nothing(project: Project) -> None:
    limited = ("sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *INV)
    before = project.records.ids()
    answer = project.inv("test-async", program=limited)
    assert answer.returncode == 73
    assert len(answer.stderr.splitlines()) <= 3
    assert project.records.ids() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
@pytest.mark.parametrize("state", ["full", "read-only"])
def test_a_full_or_read_only_file_system_is_73_and_leaves_nothing(
    project: Project, state: str
) -> None:
    folder = project.root / "logs"
    folder.mkdir()
    then = {
        "full": "head -c 1000000 /dev/zero >logs/filler 2>/dev/null",
        "read-only": "mount -o remount,ro logs",
    }[state]
    script = f'mount -t tmpfs -o size=64k tmpfs logs && {{ {then}; "$@"; code=$?;'
    script += " find logs -name '*test-run*' -o -name '.new-*' >&2; exit $code; }"
    wrapped = ("unshare", "--mount", "sh", "-c", script, "sh", sys.executable, "-m", "invoke")
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("mount namespaces are not allowed here")
    answer = project.inv("test-async", program=wrapped)
    assert answer.returncode == 73, answer.stderr
    assert "Traceback" not in answer.stderr
    assert "No run was started." in answer.stderr
    assert "test-run" not in answer.stderr
    assert ".new-" not in answer.stderr


def test_output_that_cannot_be_written_is_no_verdict(shared: Project) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 - a device
        process = shared.popen("wait", stdout=full)
        _, told = process.communicate(timeout=60)
    assert told == "The output cannot be written: No space left on device.\n"
    assert process.returncode == 141


def test_a_closed_stdout_changes_no_verdict(shared: Project) -> None:
    closed = ("sh", "-c", 'exec "$@" >&-', "sh", *INV)
    assert shared.inv("wait", "--run", "aa01", program=closed).returncode == 0
    assert shared.inv("wait", "--run", "nope", program=closed).returncode == 66


def test_an_encoding_without_the_letters_hides_no_answer(project: Project) -> None:
    test = "import pytest\n@pytest.mark.parametrize('a', ['ü✓'])\ndef test_a(a): assert a == 'é'\n"
    project.write("tests/test_it.py", test)
    ini = "[pytest]\ndisable_test_id_escaping_and_forfeit_all_rights_to_community_support = true\n"
    project.write("pytest.ini", ini)
    assert project.inv("test", env={"PYTHONIOENCODING": "ascii"}).returncode == 1
    answer = project.inv("failures", env={"PYTHONIOENCODING": "ascii"})
    assert answer.returncode == 0
    assert "test_a[\\xfc\\u2713]" in answer.stdout
