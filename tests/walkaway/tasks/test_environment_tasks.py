"""`build`, `up`, `down`, `health`, `service-logs`, `shell` with a real engine and Compose files."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shlex
import signal
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support import warm
from tests.walkaway.support.composed import IMAGE, SICK, WELL, compose_file, composed, things
from tests.walkaway.support.engine import docker
from tests.walkaway.support.project import INV, Project, made, tidied
from tests.walkaway.support.scratch import clean_environ
from tests.walkaway.support.waiting import PATIENCE_S, wait_for
from walkaway.environment import build_state, project_containers
from walkaway.environment.project import LABEL_CHECKOUT, LABEL_RUN, LABEL_SLOT
from walkaway.environment.project import Project as Named
from walkaway.model import exit_codes
from walkaway.process import file_lock, proc_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine
RUN_ID = "20261122-101530-7f3a"
WEB = f"""\
    image: {IMAGE}
    command: [python3, -u, -m, http.server, "8000", --bind, 0.0.0.0]
    init: true
    healthcheck:
      test: [CMD, python3, -c, "import socket; socket.create_connection(('127.0.0.1', 8000))"]
      interval: 200ms
"""


TALKS = SICK.replace("echo no such table; exit 7", "true") + "    mem_limit: 64m\n"
"""Well, with a limit of its memory, and `the log of sick` in its log."""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with composed(tmp_path / "a project") as project:
        yield project


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project for what is refused: nothing of it is up."""
    with composed(tmp_path_factory.mktemp("asked") / "a project") as project:
        yield project


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project to be looked at, with its environment up: db, which talks, and mail."""
    text = compose_file("db", db=TALKS, mail=WELL)
    with composed(tmp_path_factory.mktemp("running") / "a project", text) as project:
        assert project.inv("up").returncode == 0
        yield project


def named(project: Project) -> Named:
    return Named(project.root)


def rows(project: Project) -> list[project_containers.Container]:
    return project_containers.of(named(project).name, clean_environ())


def test_build_says_what_it_built_and_then_that_nothing_changed(project: Project) -> None:
    first = project.inv("build")
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert lines[0] == "building the image of test …"
    assert lines[-2].startswith("built in ")
    assert lines[-1] == "next: inv up"
    again = project.inv("build")
    answer, after = again.stdout.splitlines()
    assert answer.startswith(f"unchanged: {named(project).image} ")
    assert after == "build anyway: inv build --no-cache"
    assert project.json("build")["changed"] is False
    project.write("more", "")
    found = project.inv("build", "--json")  # one object and nothing else
    assert json.loads(found.stdout)["changed"] is True
    assert not found.stderr


def test_a_failed_build_is_69_with_the_engine_s_words_also_at_a_terminal(project: Project) -> None:
    project.write("Dockerfile", f"FROM {IMAGE}\nRUN ls /nowhere\n")
    found = project.inv("build")
    assert found.returncode == 69
    assert "/nowhere" in found.stdout
    assert found.stderr.startswith("The image cannot be built: failed to solve: ")
    typed = Typed(project, "build")
    try:
        typed.until("then run again: inv build")
        assert "The image cannot be built: failed to solve: process " in typed.shown()
        assert typed.process.wait(60) == 69
    finally:
        typed.close()


def test_up_brings_everything_up_and_down_leaves_nothing(project: Project) -> None:
    project.write("docker-compose.yml", compose_file("db", db=WELL, mail=WELL))
    first = project.inv("up")
    assert first.returncode == 0, first.stderr
    lines = first.stdout.splitlines()
    assert "environment 1: starting db, mail …" in lines
    assert lines[-2].startswith("environment 1 is up after ")
    assert lines[-2].endswith(": db, mail")
    again = project.inv("up").stdout.splitlines()
    assert again[0] == "environment 1 was up: db, mail"
    second = project.json("up", "--slot", "2")
    assert (second["slot"], second["services"], second["was_up"]) == (2, ["db", "mail"], False)
    down = project.inv("down")
    assert down.stdout.startswith("down: 4 containers, 2 networks removed, nothing is left\n")
    assert [thing for thing in things(named(project)) if not thing.startswith("image ")] == []
    assert project.inv("down").stdout.startswith("nothing was up\n")


def test_an_unhealthy_service_is_69_and_named_first(project: Project) -> None:
    project.write("docker-compose.yml", compose_file("db", db=SICK))
    found = project.inv("up")
    assert found.returncode == 69
    assert found.stderr.splitlines()[0] == "Service db is unhealthy."
    assert "  no such table" in found.stderr
    assert "  the log of sick" in found.stderr
    health = project.inv("health")
    assert health.returncode == 0
    assert health.stdout.startswith("1 not well: db, in 1 environment\n")
    assert "no such table" in health.stdout
    assert health.stdout.splitlines()[-1] == "next: inv service-logs --service db  or  inv up"


def test_a_port_that_a_process_has_is_69_with_its_owner(project: Project) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        text = compose_file("db", db=WELL + f'    ports: ["127.0.0.1:{port}:80"]\n')
        project.write("docker-compose.yml", text)
        found = project.inv("up")
    assert found.returncode == 69
    assert f"port {port}: it is taken: process {os.getpid()}: " in found.stderr.splitlines()[0]


def test_a_wrong_compose_file_is_69_with_compose_s_words(tmp_path: Path) -> None:
    with tidied(made(tmp_path / "wrong")) as project:
        project.write("docker-compose.yml", "services:\n  test: {imag: x}\n")
        tried = [project.inv(task) for task in ("build", "up")]
    for found in tried:
        assert found.returncode == 69
        assert found.stderr.startswith("The Compose file is invalid: ")
        assert "imag" in found.stderr


def test_health_shows_each_container_with_its_memory(running: Project) -> None:
    found = running.json("health")
    db, mail = sorted(
        (row for row in found["containers"] if row["service"] != "test"),
        key=lambda row: str(row["service"]),
    )
    assert (mail["service"], mail["well"]) == ("mail", True)
    assert (db["slot"], db["service"], db["status"], db["well"]) == (1, "db", "healthy", True)
    assert db["memory_limit_bytes"] == 64 * 1024 * 1024
    assert 0 < db["memory_bytes"] < 64 * 1024 * 1024
    assert db["cpu_percent"] is not None
    assert db["uptime_s"] > 0
    shown = running.inv("health").stdout.splitlines()
    assert shown[0] == "all well: 2 containers, in 1 environment"
    (row,) = [line for line in shown[1:] if re.search(r"\bdb\b", line)]
    assert " of 67 MB " in row


def test_health_of_nothing_says_how_to_bring_it_up(asked: Project) -> None:
    found = asked.inv("health")
    assert (found.returncode, found.stdout) == (
        0, "no environment of this checkout is up\nnext: inv up\n",
    )  # fmt: skip


def live(project: Project) -> str:
    """Start a container as a run in Compose has one."""
    mine = named(project)
    name = f"{mine.name}-run-{RUN_ID}"
    labels = (f"{LABEL_RUN}={RUN_ID}", f"{LABEL_CHECKOUT}={project.root}", f"{LABEL_SLOT}=1")
    words = [word for label in labels for word in ("--label", label)]
    argv = mine.compose(
        "run", "--detach", "--no-deps", "--name", name, *words, "test", "sleep", "600"
    )
    docker(*argv[1:], environ=mine.environ(clean_environ()), cwd=project.root)
    return name


def test_a_live_run_keeps_its_environment_unless_down_is_forced(project: Project) -> None:
    project.inv("up")
    name = live(project)
    assert project.inv("up").stdout.startswith("environment 1 was up: db\n")
    found = project.inv("down")
    assert found.returncode == 64
    assert found.stderr.splitlines()[0] == "Nothing was removed: 7f3a would lose its environment."
    assert "inv stop --run 7f3a" in found.stderr
    assert {row.name for row in rows(project)} == {name, f"{named(project).name}-db-1"}
    project.write("docker-compose.yml", compose_file("db", db=WELL + "    mem_limit: 64m\n"))
    before = {row.id for row in rows(project)}
    found = project.inv("up")
    assert found.returncode == 69
    assert found.stderr.splitlines()[0].endswith(", and 7f3a is using it.")
    assert {row.id for row in rows(project)} == before
    docker("stop", "--time", "0", name)
    assert project.inv("up").returncode == 0
    docker("start", name)
    forced = project.json("down", "--force")
    assert name in forced["containers"]
    assert not rows(project)


def test_two_checkouts_side_by_side_do_not_touch_each_other(project: Project, tmp_path: Path
                                                            ) -> None:  # fmt: skip
    with composed(tmp_path / "another") as other:
        both = [made.popen("up") for made in (project, other)]
        assert [process.wait(60) for process in both] == [0, 0]
        for process in both:
            process.communicate()
        project.inv("down")
        assert not rows(project)
        assert other.inv("up").stdout.startswith("environment 1 was up: db\n")


def test_two_at_the_same_time_bring_up_one_environment(project: Project) -> None:
    both = [project.popen("up", "--json") for _ in range(2)]
    told = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    assert len(rows(project)) == 1


def line(process: warm.Read) -> str:
    """Read the next line; a process that prints none is killed."""
    assert process.stdout is not None
    killer = threading.Timer(PATIENCE_S, process.kill)
    killer.start()
    try:
        return process.stdout.readline()
    finally:
        killer.cancel()


def test_a_build_that_waits_for_another_one_says_so_at_once(project: Project) -> None:
    held = file_lock.acquire(str(build_state.folder(project.root) / "build.lock"))
    assert held is not None
    with project.popen("build") as waiting:
        first = line(waiting)
        os.close(held)
        assert waiting.wait(60) == 0
    assert first == "another build of this checkout is running: waiting for it …\n"


def test_a_run_that_waits_for_another_build_says_so(project: Project) -> None:
    held = file_lock.acquire(str(build_state.folder(project.root) / "build.lock"))
    assert held is not None
    try:
        live = project.start("--backend", "compose")
        waiting = "waiting for another build"
        wait_for(
            lambda: waiting in project.inv("progress").stdout, f"the phase\n{live.described()}"
        )
    finally:
        os.close(held)
    assert live.outcome()["code"] == exit_codes.NOT_STARTABLE  # there is no pytest in its image
    assert [event["phase"] for event in live.journal("preparing")][:2] == [
        "waiting for another build", "building the image",
    ]  # fmt: skip


def test_service_logs_are_those_of_the_services(running: Project) -> None:
    for words in ((), ("--service", "db"), ("--lines", "1")):
        found = running.inv("service-logs", *words)
        assert found.returncode == 0, found.stderr
        assert "the log of sick" in found.stdout
        assert "\x1b" not in found.stdout
    assert "the log of sick" not in running.inv("service-logs", "--service", "mail").stdout
    assert "the log of sick" not in running.inv("service-logs", "--lines", "0").stdout


def test_service_logs_can_be_followed_until_the_service_ends(project: Project) -> None:
    project.write("docker-compose.yml", compose_file("web", web=WEB))
    project.inv("up")
    with project.popen("service-logs", "--follow", "--service", "web") as follower:
        assert "Serving HTTP" in line(follower)
        docker("exec", f"{named(project).name}-web-1", "python3", "-c",
               "import urllib.request as r; r.urlopen('http://127.0.0.1:8000')")  # fmt: skip
        assert "GET / " in line(follower)
        docker("stop", "--time", "0", f"{named(project).name}-web-1")
        assert follower.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("service-logs", "--service", "nope"), 64, "--service is 'nope': give one of db, test."),
        (("service-logs",), 66, "Environment 1 is not up."),
        (("service-logs", "--lines", "x"), 64, "--lines is 'x': "),
        (("shell", "--service", "db"), 66, "Environment 1 is not up."),
        (("up", "--slot", "0"), 64, "--slot is '0': "),
        (("up", "--slot", "3"), 64, "--slot is 3: this checkout has 2 at most."),
    ],
)
def test_what_cannot_be_is_refused(
    asked: Project, words: tuple[str, ...], code: int, said: str
) -> None:
    found = asked.inv(*words)
    assert found.returncode == code
    assert found.stderr.startswith(said)
    assert not found.stdout


@pytest.mark.parametrize("task", ["build", "up", "down", "health", "service-logs", "shell"])
def test_without_an_engine_every_task_says_so_first(asked: Project, task: str) -> None:
    found = asked.inv(task, env={"DOCKER_HOST": "unix:///nonexistent.sock"})
    assert found.returncode == 69
    first, after = found.stderr.splitlines()
    assert first.startswith("The Docker engine does not answer: /nonexistent.sock: No such file")
    assert "inv doctor" in after


@pytest.mark.parametrize("task", ["build", "up"])
def test_without_a_compose_file_it_says_what_to_write(tmp_path: Path, task: str) -> None:
    with tidied(made(tmp_path / "bare")) as project:
        found = project.inv(task)
    assert found.returncode == 69
    assert found.stderr.startswith("There is no Compose file in ")
    assert "docker-compose.yml" in found.stderr


@pytest.mark.parametrize("words", [(), ("--service", "db")])
def test_a_shell_without_a_terminal_is_refused_with_a_command_that_works(
    running: Project, words: tuple[str, ...]
) -> None:
    found = running.inv("shell", *words)
    assert found.returncode == 64
    first, after = found.stderr.splitlines()
    assert first == "A shell needs a terminal, and this is not one."
    command = after.removeprefix("Run single commands instead: ")
    done = subprocess.run(
        shlex.split(command), env=running.env(), capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "PATH=" in done.stdout


class Typed:
    """A task at a terminal, and a person who types."""

    def __init__(self, project: Project, *words: str) -> None:
        self._reader, writer = pty.openpty()
        self.process = subprocess.Popen(
            (*INV, *words), cwd=project.root, env={**project.env(), "TERM": "xterm"},
            stdin=writer, stdout=writer, stderr=writer, start_new_session=True,
        )  # fmt: skip
        os.close(writer)
        os.set_blocking(self._reader, False)
        self._shown = b""

    def until(self, text: str) -> None:
        wait_for(lambda: text in self.shown(), f"{text!r} in {self.shown()!r}")

    def shown(self) -> str:
        with contextlib.suppress(OSError):  # nothing new, or the end
            self._shown += os.read(self._reader, 1 << 16)
        return self._shown.decode(errors="replace")

    def type(self, line: str) -> None:
        os.write(self._reader, line.encode() + b"\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._reader)


@pytest.mark.parametrize(
    ("words", "where"), [((), "test"), (("--service", "test"), "test"), (("--service", "db"), "db")]
)
def test_a_shell_is_opened_where_it_was_asked_for(
    running: Project, words: tuple[str, ...], where: str
) -> None:
    typed = Typed(running, "shell", *words)
    try:
        typed.type("test -e /app/Dockerfile && echo in te''st || echo in d''b; hostname")
        typed.until(f"in {where}")
        names = [row.name for row in rows(running) if row.one_off]
        assert len(names) == (where == "test")
        assert all(name.startswith(f"{named(running).name}-shell-") for name in names)
        typed.type("exit 3")
        assert typed.process.wait(60) == 3
    finally:
        typed.close()
    assert not [row for row in rows(running) if row.one_off]


def test_what_a_dead_run_left_is_known_after_up_at_a_terminal_until_down_which_ends_a_shell_too(
    project: Project,
) -> None:
    lease = build_state.folder(project.root) / "1.lock"
    lease.write_text(f"{RUN_ID}\n")
    typed = Typed(project, "up")
    try:
        typed.until("is up")
        typed.until("inv health")
        assert typed.process.wait(60) == 0
        assert "\x1b[" in typed.shown(), "Compose draws"
    finally:
        typed.close()
    assert lease.read_text().strip() == RUN_ID
    typed = Typed(project, "shell")
    try:
        typed.type("echo here''now")
        typed.until("herenow")
        assert project.inv("down").returncode == 0
        assert not rows(project)
    finally:
        typed.close()
    assert not lease.read_text().strip()


def compose_clients(project: Project) -> list[int]:
    head = f"docker compose -p {named(project).name} "
    return [pid for pid in proc_table.everyone() if proc_table.command(pid).startswith(head)]


def test_ctrl_c_ends_up_and_what_it_started(project: Project) -> None:
    slow = WELL.replace('[CMD, "true"], interval: 200ms', "[CMD, 'false'], interval: 300s")
    web = WELL + "    depends_on: {db: {condition: service_healthy}}\n"
    project.write("docker-compose.yml", compose_file("web", web=web, db=slow))
    typed = Typed(project, "up")
    try:
        typed.until("-db-1")
        wait_for(lambda: typed.shown() and "running" in [row.state for row in rows(project)])
        assert compose_clients(project)
        os.killpg(typed.process.pid, signal.SIGINT)
        assert typed.process.wait(60) == 130
        assert not compose_clients(project)
    finally:
        typed.close()
