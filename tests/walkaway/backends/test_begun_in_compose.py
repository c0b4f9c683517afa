"""Between the start and pytest's first event: nothing is lost, and every reason is told."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import threading
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.waiting import wait_for
from walkaway.process import file_lock, proc_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.walkaway.support.project import Project
    from tests.walkaway.support.scratch import Live

pytestmark = pytest.mark.engine

STARTING = "starting the container"
SLEEPS = "def test_sleeps():\n    import time\n    time.sleep(60)\n"
SLOW_RUN = """\
#!/bin/sh
case " $* " in
*" run -d "*) {before}; "{docker}" "$@"; code=$?; {after}; exit $code;;
esac
exec "{docker}" "$@"
"""


def slow_docker(folder: Path, *, before: str = ":", after: str = ":") -> dict[str, str]:
    """Make a docker command that is slow with `compose run`; the environment that finds it."""
    real = shutil.which("docker")
    return docker_first(folder, SLOW_RUN.format(docker=real, before=before, after=after))


def docker_first(folder: Path, script: str) -> dict[str, str]:
    """Make a docker command of a script; the environment that finds it."""
    command = folder / "bin" / "docker"
    command.parent.mkdir(parents=True)
    command.write_text(script, encoding="utf-8")
    command.chmod(0o755)
    return {"PATH": f"{command.parent}:{os.environ['PATH']}"}


SLOW_LOOK = """\
#!/bin/sh
case "$1 $(tr '\\0' ' ' </proc/$PPID/cmdline)" in
"inspect "*supervisor*) : >"{folder}/looking"; until [ -e "{folder}/look" ]; do sleep 0.05; done;;
esac
exec "{docker}" "$@"
"""
LATE = 'entrypoint: [sh, -c, "until [ -e tests/go ]; do sleep 0.1; done; exec \\"$$@\\"", sh]'


def slow_look(folder: Path) -> dict[str, str]:
    """Make a docker command that answers a supervisor's `inspect` once the file `look` is there."""
    real = shutil.which("docker")
    return docker_first(folder, SLOW_LOOK.format(docker=real, folder=folder))


def started_so_far(project: Project, env: dict[str, str]) -> Live:
    """Start a run, and wait until its container is being made."""
    live = project.start(env=env)
    wait_for(
        lambda: any(event["phase"] == STARTING for event in live.journal("preparing")),
        f"{STARTING}\n{live.described()}",
    )
    return live


def kill_supervisor(live: Live) -> None:
    pid, start = live.supervisor()
    proc_table.send(pid, start, signal.SIGKILL)
    wait_for(lambda: not proc_table.alive(pid, start), "the supervisor to be gone")


def test_a_stop_while_the_container_is_made_reaches_pytest(boxed: Project, tmp_path: Path) -> None:
    boxed.write("tests/test_it.py", SLEEPS)
    live = started_so_far(boxed, slow_docker(tmp_path, after="sleep 1"))
    stopped = boxed.inv("stop", "--run", live.run.short)
    assert stopped.returncode == 0, stopped.stdout
    assert live.outcome()["outcome"] == "stopped"
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT"]


def test_a_stop_ends_a_command_that_hangs_while_it_makes_the_container(
    boxed: Project, tmp_path: Path
) -> None:
    live = started_so_far(boxed, slow_docker(tmp_path, before="sleep 1000"))
    stopped = boxed.inv("stop", "--run", live.run.short)
    assert stopped.returncode == 0, stopped.stdout
    assert live.outcome()["outcome"] == "stopped"


def test_who_makes_the_container_may_outlive_the_supervisor(boxed: Project, tmp_path: Path) -> None:
    live = started_so_far(boxed, slow_docker(tmp_path, before="sleep 1"))
    kill_supervisor(live)
    look = boxed.json("progress")
    assert (look["status"], look["phase"]) == ("preparing", STARTING)
    waited = boxed.inv("wait")
    assert waited.returncode == 0, waited.stdout
    assert live.outcome()["outcome"] == "passed"


def test_a_stop_without_a_supervisor_while_the_container_is_made(
    boxed: Project, tmp_path: Path
) -> None:
    boxed.write("tests/test_it.py", SLEEPS)
    live = started_so_far(boxed, slow_docker(tmp_path, before="sleep 1"))
    kill_supervisor(live)
    assert boxed.inv("stop", "--run", live.run.short).returncode == 0
    assert live.outcome()["outcome"] == "stopped"
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT"]


def test_a_stop_before_anybody_knows_of_the_container_reaches_it(
    boxed: Project, tmp_path: Path
) -> None:
    boxed.write("tests/test_it.py", SLEEPS)  # only the stop ends it
    compose = boxed.root / "docker-compose.yml"
    boxed.write(
        "docker-compose.yml",
        compose.read_text(encoding="utf-8").replace("init: true", f"init: true\n    {LATE}"),
    )
    live = started_so_far(boxed, slow_docker(tmp_path, before="sleep 1"))
    kill_supervisor(live)
    made = live.folder / "launch.lock"
    wait_for(lambda: file_lock.probe(str(made)) is file_lock.Hold.FREE, "the container to be made")
    assert not live.events("loaded")
    looks = tmp_path / "looks"
    stop = boxed.popen("stop", "--run", live.run.short, env=slow_look(looks))
    wait_for(lambda: live.journal("signal"), "the stop to be heard")
    wait_for((looks / "looking").exists, "its look at the container")
    (looks / "look").touch()
    boxed.write("tests/go", "")
    assert stop.communicate(timeout=60)[1] == ""
    assert stop.returncode == 0
    assert live.outcome()["outcome"] == "stopped"
    assert [event["sig"] for event in live.journal("signal")] == ["SIGINT"]


def test_what_the_container_says_past_the_log_is_in_the_log(boxed: Project) -> None:
    compose = boxed.root / "docker-compose.yml"
    text = compose.read_text(encoding="utf-8")
    boxed.write("docker-compose.yml", text.replace("init: true", "entrypoint: [cat, --so]"))
    answer = boxed.inv("test")
    assert answer.returncode == 69
    assert "| cat: unrecognized option '--so'" in answer.stdout, answer.stdout


def test_an_environment_that_cannot_be_leased_is_named(boxed: Project) -> None:
    boxed.write("logs/tests/environments", "a file where the folder is to be")
    answer = boxed.inv("test")
    assert answer.returncode == 69
    assert "no environment can be leased" in answer.stdout, answer.stdout
    assert "logs/tests/environments: File exists" in answer.stdout


def test_a_service_that_is_gone_is_no_reason_to_run_elsewhere_silently(boxed: Project) -> None:
    boxed.write("invoke.yaml", "walkaway: {backend: auto, without_services: [.]}\n")
    assert "in Compose" in boxed.inv("test").stdout
    boxed.write("docker-compose.yml", "services: {other: {image: nothing}}\n")
    refused = boxed.inv("test")
    assert refused.returncode == 69
    assert "has a line for the service `test`" in refused.stderr
    assert refused.stderr.endswith("--backend local\n")


def test_an_exit_code_like_a_signals_is_pytests_own(boxed: Project) -> None:
    boxed.write("tests/test_it.py", "import pytest\ndef test_a(): 0\n"
                "def test_b(): pytest.exit('over', returncode=143)\n")  # fmt: skip
    there = boxed.ended().outcome()
    here = boxed.ended("--backend", "local", "--again").outcome()
    assert (there["outcome"], there["signal"]) == (here["outcome"], None)
    assert there["rests_on"] == here["rests_on"]


ANSWERS = {
    "/_ping": (b"200 OK", b"OK"),
    "/containers/json": (b"200 OK", b"[]"),
    "": (b"404 Not Found", b'{"message":"No such container: none"}'),
}


@contextlib.contextmanager
def empty_engine(path: Path) -> Iterator[str]:
    """Run an engine that answers, and has nothing; its DOCKER_HOST."""

    def serve(there: socket.socket) -> None:
        with there, there.makefile("rwb") as stream:
            while line := stream.readline():
                while stream.readline().strip():
                    pass
                status, body = next(a for word, a in ANSWERS.items() if word in line.decode())
                body = b"" if line.startswith(b"HEAD") else body
                head = b"HTTP/1.1 %b\r\nApi-Version: 1.45\r\nContent-Length: %d\r\n\r\n"
                stream.write(head % (status, len(body)) + body)
                stream.flush()

    def listen() -> None:
        with contextlib.suppress(OSError):
            while True:
                there, _ = server.accept()
                threading.Thread(target=serve, args=(there,), daemon=True).start()

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        threading.Thread(target=listen, daemon=True).start()
        yield f"unix://{path}"
        server.shutdown(socket.SHUT_RDWR)


def test_a_look_that_means_another_engine_asks_the_runs_own(boxed: Project, tmp_path: Path) -> None:
    boxed.write("tests/test_it.py", SLEEPS)
    live = boxed.start()
    wait_for(lambda: live.events("s"), f"the first test\n{live.described()}")
    kill_supervisor(live)
    with empty_engine(tmp_path / "engine") as host:
        assert boxed.json("progress", env={"DOCKER_HOST": host})["status"] == "running"
        wait_for(lambda: len(live.journal("supervisor")) > 1, "another supervisor")
    assert boxed.inv("stop", "--run", live.run.short).returncode == 0
    outcome = live.outcome()
    assert (outcome["outcome"], outcome["pytest_exit"]) == ("stopped", 2)
