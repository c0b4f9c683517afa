"""What each check of `doctor` finds; no engine."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from walkaway.doctor import (
    Around,
    Checked,
    Grade,
    Once,
    compose_file,
    disk,
    judged,
    leftovers,
    local,
    network,
    run_checks,
    versions,
)
from walkaway.doctor.compose_file import judge_memory, judge_ports
from walkaway.errors import WalkawayError
from walkaway.process import runtime_folder
from walkaway.settings import Settings
from walkaway.upkeep.retention import State, Stored
from walkaway.worker_slots.queue import Turn

MB = 1024 * 1024
GB = 1000**3
DAY_S = 86_400.0


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        runtime_folder.OVERRIDE: str(tmp_path / "runtime"),
    }


def around(
    root: Path, environ: Mapping[str, str], *, in_compose: bool = False, **conf: object
) -> Around:
    return Around(root, environ, Settings(**conf), in_compose=in_compose)  # type: ignore[arg-type] # as given


def says(checked: Checked) -> str:
    return "\n".join(f"{finding.says} | {finding.mend}" for finding in checked.findings)


# Python and pytest


def test_the_pytest_of_a_local_run_is_named(tmp_path: Path, environ: dict[str, str]) -> None:
    found = local.pytest(around(tmp_path, environ))
    assert found.grade is Grade.OK
    assert f"pytest {pytest.__version__}" in found.says
    in_compose = local.pytest(around(tmp_path, environ, in_compose=True))
    assert in_compose.grade is Grade.SKIPPED


def test_a_pytest_that_is_missing_mute_or_old_is_found(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    missing = local.pytest(around(tmp_path, environ, pytest=("./none",)))
    assert missing.grade is Grade.BAD
    assert "'./none'" in says(missing)
    for name, prints, grade in (
        ("mute", "", Grade.UNKNOWN),
        ("old", "This is pytest version 6.2.5, imported from x", Grade.BAD),
        ("new", "pytest 10.0.0rc1", Grade.OK),
    ):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\necho '{prints}' >&2\n")
        script.chmod(0o755)
        found = local.pytest(around(tmp_path, environ, pytest=(str(script),)))
        assert found.grade is grade, found
        assert (grade is Grade.OK) == (not found.findings)


def test_packages_that_the_project_names_and_its_python_lacks_are_found(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "requirements.txt").write_text(
        "# made by hand\n-r other.txt\npytest==1.0 \\\n    --hash=sha256:00\n"
        "wk-gone[all]>=1 ; python_version > '3'  # why\nwk-old ; python_version < '3'\n"
        "git+https://example.invalid/x.git\nwk-lost @ https://example.invalid/lost.whl\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        "[project]\nname = 'x'\ndependencies = ['Wk.Gone', \"wk-extra; extra == 'x'\"]\n"
    )
    found = local.pytest(around(tmp_path, environ))
    assert found.grade is Grade.BAD
    lacks, install = f"{sys.executable} lacks what", f"{sys.executable} -m pip install"
    assert says(found).splitlines() == [
        f"{lacks} requirements.txt names: wk-gone, wk-lost | {install} -r requirements.txt",
        f"{lacks} pyproject.toml names: Wk.Gone | {install} -e .",
    ]
    # By another way than `python -m pytest` nobody can tell whose packages they are.
    script = tmp_path / "own"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m pytest "$@"\n')
    script.chmod(0o755)
    assert local.pytest(around(tmp_path, environ, pytest=(str(script),))).grade is Grade.OK


def test_what_the_project_names_and_has_is_well(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "requirements.txt").write_text("pytest\nInvoke==0.1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\ndynamic = ['dependencies']\n")
    assert local.pytest(around(tmp_path, environ)).grade is Grade.OK
    (tmp_path / "pyproject.toml").write_text("not toml")
    isolated = (sys.executable, "-I", "-m", "pytest")
    assert local.pytest(around(tmp_path, environ, pytest=isolated)).grade is Grade.OK


def test_an_active_environment_that_is_not_used_is_named(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    root, other = tmp_path / "project", tmp_path / "other"
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to(sys.executable)
    (root / ".venv/lib").symlink_to(Path(sys.prefix, "lib"))
    (root / ".venv/pyvenv.cfg").symlink_to(Path(sys.prefix, "pyvenv.cfg"))
    other.mkdir()
    found = local.pytest(around(root, {**environ, "VIRTUAL_ENV": str(other)}))
    note = f".venv (the active {other} has no pytest)"
    assert found.grade is Grade.OK
    assert found.says.endswith(f"by {root / '.venv/bin/python'}; python: {note}")
    assert found.facts["python"] == note


# Records and locks


def test_a_records_folder_is_tried_and_left_as_it_was(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert local.records(around(tmp_path, environ)).grade is Grade.OK
    names = [path.name for path in (tmp_path / "logs/tests/pytest").iterdir()]
    assert names == [".gitignore"]


def test_a_records_folder_that_cannot_be_is_found(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "logs").touch()
    found = local.records(around(tmp_path, environ))
    assert found.grade is Grade.BAD
    assert "chown" in says(found)


def test_locks_that_nobody_honours_are_found(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", lambda *_: None)
    found = local.records(around(tmp_path, environ))
    assert found.grade is Grade.BAD
    assert "whether a run lives cannot be told" in says(found)


def test_worker_slots_are_counted(tmp_path: Path, environ: dict[str, str]) -> None:
    turn = Turn(6, 4, "run", "/checkout", environ)
    assert turn.try_take()
    found = local.slots(around(tmp_path, environ, worker_slots="6"))
    assert found.says == "4 of 6 taken on this machine, 0 runs waiting"
    assert found.facts["runs"][0]["checkout"] == "/checkout"
    turn.release()
    off = local.slots(around(tmp_path, environ, worker_slots="0"))
    assert off.grade is Grade.SKIPPED


def test_slots_that_cannot_be_shared_are_found(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime").chmod(0o777)
    found = local.slots(around(tmp_path, environ))
    assert found.grade is Grade.BAD
    assert "is open to others" in says(found)


# Room


@pytest.mark.parametrize(
    ("free_bytes", "files", "findings"),
    [(5 * GB, 1_000_000, 0), (5 * GB, None, 0), (GB // 2, 1_000_000, 1), (GB // 2, 9_999, 2)],
)
def test_little_space_and_few_inodes_are_found(
    free_bytes: int, files: int | None, findings: int
) -> None:
    _, found = disk.judge(disk.DiskSpace(free_bytes, files), GB, "the disk", "mend it")
    assert len(found) == findings


def test_a_checkout_that_is_gone_has_no_disk(tmp_path: Path, environ: dict[str, str]) -> None:
    assert disk.checkout(around(tmp_path, environ)).facts["free_bytes"] > 0
    assert disk.checkout(around(tmp_path / "none", environ)).grade is Grade.UNKNOWN


@pytest.mark.parametrize(
    ("count", "limit", "total", "available", "told"),
    [
        (1, 0, 0, 0, ""),
        (4, 1024 * MB, 24 * GB, 20 * GB, ""),
        (5, 1024 * MB, 24 * GB, 20 * GB, "walkaway.workers: 4"),
        (1, 100 * MB, 24 * GB, 20 * GB, "walkaway.workers: 1"),
        (1, 4 * GB, 2 * GB, GB, "lower mem_limit"),
        (8, 0, 0, GB, "are free on this machine"),
    ],
)
def test_memory_is_held_against_the_workers(
    count: int, limit: int, total: int, available: int, told: str
) -> None:
    found = judge_memory(count, limit, total, available)
    assert told in says(found)
    assert bool(found.findings) == bool(told)


@pytest.mark.parametrize(
    ("service", "limit"),
    [
        ({}, 0),
        ({"mem_limit": "1073741824"}, 1073741824),
        ({"deploy": {"resources": {"limits": {"memory": "536870912"}}}}, 536870912),
        ({"deploy": {"resources": None}}, 0),
    ],
)
def test_a_limit_is_read_where_compose_puts_it(service: dict[str, object], limit: int) -> None:
    assert compose_file.limit_bytes(service) == limit


# Ports


def test_a_published_port_that_another_has_is_a_finding_and_any_other_is_not() -> None:
    owners = {
        8000: "container web-1",
        8001: "container walkaway-0123abcd-2-gateway-1",
        5432: "process 77: postgres -D /x",
        6379: "a process of another user, or of another container",
        9000: "",
    }
    ours = "walkaway-0123abcd-"
    found = judge_ports([8000, 8001, 5432, 6379, 9000], owners, ours)
    assert [finding.mend.split("    ")[0] for finding in found.findings] == [
        "kill 77", "sudo ss -ltnp 'sport = :6379'", "docker stop web-1",
    ]  # fmt: skip
    assert judge_ports([9000], owners, ours).grade is Grade.OK
    assert "5432 by process 77" in judge_ports([], owners, ours).says
    assert "8001" not in judge_ports([], owners, ours).says


# Versions


@pytest.mark.parametrize(
    ("engine", "compose", "buildx", "findings"),
    [
        ("20.10.0", "2.22.0", "github.com/docker/buildx v0.10.0 a1b2", 0),
        ("28.0.1", "v2.40.3", "github.com/docker/buildx 0.20.1+ds1", 0),
        ("5:26.1.5", "5.0.0", "v1.0", 0),
        ("20.9", "2.21.0", "v0.9.9", 3),
        ("", "", "", 3),
        ("?", "2.22.0", "v0.10.0", 1),
    ],
)
def test_versions_are_compared_as_numbers(
    engine: str, compose: str, buildx: str, findings: int
) -> None:
    told = {"engine": engine, "Compose": compose, "buildx": buildx}
    assert len(versions.judge(told).findings) == findings


@pytest.mark.parametrize(
    ("why", "mend"),
    [
        ("no docker command on PATH", "install Docker"),
        ("/var/run/docker.sock: Permission denied", "usermod"),
        ("/var/run/docker.sock: Connection refused", "systemctl start docker"),
    ],
)
def test_a_silent_engine_is_mended_by_its_reason(why: str, mend: str) -> None:
    assert mend in says(versions.silent(why, needed=True))
    assert versions.silent(why, needed=False).grade is Grade.SKIPPED


# Runs without a verdict


def test_runs_that_nobody_will_judge_are_found() -> None:
    now = 1_000_000.0
    runs = [
        Stored("20261122-101530-0001", State.LIVE, now - 9),
        Stored("20261122-101530-0002", State.DONE, now - 9),
        Stored("20261122-101530-0003", State.UNKNOWN, now - DAY_S / 2, "elsewhere"),
        Stored("20261122-101530-0004", State.UNKNOWN, now - 2 * DAY_S, "elsewhere"),
        Stored("20261122-101530-0005", State.TORN, now - 2 * DAY_S, "torn"),
        Stored("20261122-101530-0006", State.HUNT, now - 2 * DAY_S),
        Stored("20261122-101530-0007", State.FOREIGN, now - 2 * DAY_S),
    ]
    found = leftovers.judge_runs(runs, 9, now)
    assert found.says == "9 recorded, 2 live"
    assert [finding.says.split()[1][-4:] for finding in found.findings] == ["0002", "0004", "0005"]
    assert "rm -r logs/tests/pytest/test-run-20261122-101530-0002*" in says(found)
    many = leftovers.judge_runs([Stored(f"x-{n}", State.DONE, 0) for n in range(9)], 9, now)
    assert len(many.findings) == 6
    assert "4 more" in says(many)


def test_records_are_looked_through(tmp_path: Path, environ: dict[str, str]) -> None:
    assert leftovers.stale_runs(around(tmp_path, environ)).says == "0 recorded, 0 live"


# Between containers: the probe itself, without containers


class Page(BaseHTTPRequestHandler):
    """`/health` is well, everything else is not."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_probe_resolves_names_and_asks_pages(port: int) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        wanted = {
            "localhost": "",
            "127.0.0.1": f"http://127.0.0.1:{port}/health",
            "ip6-sick": f"http://127.0.0.1:{port}/sick",
            "nowhere.invalid": f"http://127.0.0.1:{port}/health",
        }
        wanted["127.0.0.2"] = f"http://127.0.0.1:{free.getsockname()[1]}/"
        wanted["127.0.0.3"] = wanted.pop("ip6-sick")
        environ = {**os.environ, "http_proxy": "http://127.0.0.1:9"}
        done = subprocess.run(
            [sys.executable, "-I", "-c", network.PROBE, json.dumps(wanted)],
            env=environ, capture_output=True, encoding="utf-8", timeout=60, check=True,
        )  # fmt: skip
    found = network.judge(json.loads(done.stdout.removeprefix("walkaway:")))
    assert found.grade is Grade.BAD
    told = says(found).splitlines()
    assert "127.0.0.2 answers" in told[0]
    assert "refused" in told[0]
    assert told[1].startswith("the health page of 127.0.0.3 answers 503 | inv service-logs")
    assert told[2].startswith("nowhere.invalid cannot be found by its name")
    assert found.says == "4 services found by name, 1 health page well"


@pytest.mark.parametrize(
    ("service", "url"),
    [
        ({}, ""),
        ({"healthcheck": {"test": ["CMD", "pg_isready", "-h", "127.0.0.1"]}}, ""),
        (
            {
                "healthcheck": {
                    "test": ["CMD-SHELL", "curl -f http://localhost:8000/health || exit"]
                }
            },
            "http://web:8000/health",
        ),
        ({"healthcheck": {"test": ["CMD", "wget", "http://127.0.0.1"]}}, "http://web/"),
        (
            {
                "healthcheck": {"test": ["CMD-SHELL", 'sh -c "$$PROBE"']},
                "environment": {
                    "PROBE": "curl http://127.0.0.1:8001/ok?x=1",
                    "OTHER": "http://localhost/no",
                },
            },
            "http://web:8001/ok",
        ),
        ({"environment": {"OTHER": "http://localhost/no"}, "healthcheck": None}, ""),
    ],
)
def test_a_health_page_is_the_one_of_the_health_check(service: dict[str, object], url: str) -> None:
    assert network.page("web", service) == url


# All of them


def test_a_question_of_several_checks_is_asked_once() -> None:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        raise WalkawayError("no", 69)

    question = Once(ask)
    for _ in range(3):
        with pytest.raises(WalkawayError, match="no"):
            question()
    assert asked == [1]
    assert Once(lambda: 7)() == 7


def test_checks_are_made_side_by_side_and_one_that_hangs_is_unknown(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    meeting, never = threading.Barrier(2), threading.Event()

    def meets(_: Around) -> Checked:
        meeting.wait(30)
        return judged("met", "both were here")

    def hangs(_: Around) -> Checked:
        never.wait(60)
        return judged("x", "too late")

    place = around(tmp_path, environ)
    rows = (("one", meets), ("two", meets))
    assert {c.grade for c in run_checks.side_by_side(rows, place, 30)} == {Grade.OK}
    (found,) = run_checks.side_by_side((("slow", hangs),), place, 0.05)
    never.set()
    assert (found.subject, found.grade) == ("slow", Grade.UNKNOWN)


def test_a_bug_in_a_check_is_not_taken_for_a_finding(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    def breaks(_: Around) -> Checked:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_checks.side_by_side((("bug", breaks),), around(tmp_path, environ), 5)


COMPOSE = "services: {test: {image: x}}\n"


@pytest.mark.parametrize(
    ("backend", "file", "code", "engine"),
    [
        ("local", False, 0, None),
        ("auto", False, 0, None),
        ("local", True, 0, Grade.SKIPPED),
        ("auto", True, 0, Grade.SKIPPED),
        ("compose", True, 69, Grade.BAD),
        ("compose", False, 69, Grade.BAD),
    ],
)
def test_an_engine_is_missed_only_where_it_is_needed(
    tmp_path: Path, backend: str, *, file: bool, code: int, engine: Grade | None
) -> None:
    if file:
        (tmp_path / "docker-compose.yml").write_text(COMPOSE)
    environ = {
        "PATH": "/nowhere",
        "HOME": str(tmp_path),
        runtime_folder.OVERRIDE: str(tmp_path / "runtime"),
    }
    found = run_checks.examine(tmp_path, Settings(backend=backend), environ)
    assert found.code == code, found
    grades = {checked.subject: checked.grade for checked in found.checks}
    assert grades.get("engine") is engine
    assert {"records", "disk", "memory"} <= set(grades)
    assert not {"ports", "network", "versions"} & set(grades)
