"""`log --test`: what a test logged, and what real service processes logged for its requests."""

from __future__ import annotations

import json
import shlex
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.walkaway.support.project import INV, Project, made, tidied
from tests.walkaway.support.waiting import wait_for
from walkaway.runs import test_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.walkaway.support.scratch import Live

SERVICE = '''\
"""python service.py NAME LOG PORTFILE [URL]: answers, logs a JSON line, asks the next one."""

import datetime, http.server, json, os, sys, urllib.request

NAME, LOG, PORT, *NEXT = sys.argv[1:]
FD = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        mine = self.headers.get("X-Request-Id", "-")
        for url in NEXT:
            urllib.request.urlopen(
                urllib.request.Request(url + self.path, headers={"X-Request-Id": mine})
            ).read()
        row = {"time": datetime.datetime.now(datetime.timezone.utc).isoformat(), "level": "INFO",
               "service": NAME, "request_id": mine, "message": f"GET {self.path}: 200", "ms": 1.5}
        os.write(FD, json.dumps(row).encode() + b"\\n")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open(PORT + ".new", "w") as file:
    file.write(f"http://127.0.0.1:{server.server_port}")
os.rename(PORT + ".new", PORT)
server.serve_forever()
'''
CONFTEST = """\
import pathlib, subprocess, sys, time
import pytest

pytest_plugins = ["walkaway.isolation.logs"]

def start(folder, name, log, *urls):
    port = folder / name
    words = [sys.executable, "service.py", name, str(log), str(port), *urls]
    process = subprocess.Popen(words)
    until = time.monotonic() + 30
    while not port.exists() and time.monotonic() < until:
        time.sleep(0.01)
    return process, port.read_text()

@pytest.fixture(scope="session")
def gateway(tmp_path_factory, services_log):
    folder = tmp_path_factory.mktemp("services")
    chat, chat_url = start(folder, "chat", services_log)
    gate, url = start(folder, "gateway", services_log, chat_url)
    yield url
    for process in (gate, chat):
        process.kill()
        process.wait()
"""
TESTS = """\
import logging, os, time, urllib.request
import pytest
from walkaway.isolation.logs import request_ids as requests

log = logging.getLogger("shop.client")

def get(url):
    urllib.request.urlopen(urllib.request.Request(url, headers=requests.headers())).read()

@pytest.mark.parametrize("n", range(6))
def test_asks(gateway, n):
    log.info("asking for %d", n)
    get(f"{gateway}/item/{n}")
    log.info("got %d", n)
    get(f"{gateway}/more/{n}")
    assert n != 3, "three is bad"

def test_quiet(): pass

def test_gated(gateway):
    get(f"{gateway}/before-the-gate")
    log.info("waiting")
    until = time.monotonic() + 100
    while not os.path.exists(os.environ.get("GATE", "gate")) and time.monotonic() < until:
        time.sleep(0.02)
"""


def with_services(project: Project) -> Project:
    project.write("service.py", SERVICE)
    project.write("conftest.py", CONFTEST)
    project.write("tests/test_it.py", TESTS)
    return project


@pytest.fixture
def shop(project: Project) -> Project:
    return with_services(project)


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A finished run of the shop's tests."""
    with tidied(made(tmp_path_factory.mktemp("sold") / "a project")) as project:
        with_services(project).open_gate()
        yield project.ended()


@pytest.mark.parametrize("workers", [0, 2, pytest.param(4, marks=pytest.mark.soak)])
def test_a_test_its_gateway_and_its_chat_are_told_in_one(
    shop: Project, sold: Live, workers: int
) -> None:
    live = sold
    if workers:
        shop.open_gate()
        live = shop.ended("--", "-p", "xdist", "-n", str(workers))
    shop = Project(Path(live.run.root))
    name = live.run.short
    for n in range(6):
        said = shop.inv("log", "--test", f"test_asks[{n}]", "--lines", "99")
        assert said.returncode == 0, said.stderr
        first, *rows, last = said.stdout.splitlines()
        result = "FAILED" if n == 3 else "PASSED"
        assert first.startswith(f"{result}  {name}  tests/test_it.py::test_asks[{n}]  ")
        assert first.endswith("6 lines: test 2, chat 2, gateway 2")
        assert [row.split("  ", 1)[1].split() for row in rows] == [
            ["test", "INFO", "shop.client:", "asking", "for", str(n)],
            ["chat", "INFO", "GET", f"/item/{n}:", "200", "(2", "ms)", "#1"],
            ["gateway", "INFO", "GET", f"/item/{n}:", "200", "(2", "ms)", "#1"],
            ["test", "INFO", "shop.client:", "got", str(n), "#1"],
            ["chat", "INFO", "GET", f"/more/{n}:", "200", "(2", "ms)", "#2"],
            ["gateway", "INFO", "GET", f"/more/{n}:", "200", "(2", "ms)", "#2"],
        ]
        command = "failures" if n == 3 else "log"
        assert last.startswith(f"next: inv {command} --run {name}")
    quiet = shop.inv("log", "--test", "test_quiet").stdout
    assert quiet.splitlines()[0].endswith("nothing logged")


def test_json_tells_all_of_it(sold: Live) -> None:
    shop = Project(Path(sold.run.root))
    told = shop.json("log", "--test", "test_asks[2]", "--run", sold.run.short)
    assert (told["id"], told["test"]) == (sold.run.id, "tests/test_it.py::test_asks[2]")
    assert told["result"] == "passed"
    assert [line["source"] for line in told["lines"]].count("gateway") == 2
    assert [line["at_s"] for line in told["lines"]] == sorted(
        line["at_s"] for line in told["lines"]
    )
    (flight,) = told["flights"]
    own = [line["at_s"] for line in told["lines"] if line["source"] == "test"]
    assert flight["since_s"] <= own[0] <= own[-1] <= flight["until_s"]
    folder = sold.folder
    assert told["files"] == [str(folder / "logs-main.jsonl"), str(folder / "services.log")]
    assert told["unread"] == []


def test_a_live_run_is_answered(shop: Project) -> None:
    live = shop.start("--", "-k", "gated")
    lines = live.record.path("logs-main.jsonl")
    wait_for(lambda: lines.exists() and b"waiting" in lines.read_bytes(), "the gate")
    first, *rows, last = shop.inv("log", "--test", "gated").stdout.splitlines()
    assert first.startswith(f"RUNNING  {live.run.short}  tests/test_it.py::test_gated  3 lines")
    assert [row.split()[2] for row in rows] == ["chat", "gateway", "test"]
    assert "--test" in last
    shop.open_gate()
    live.outcome()
    assert shop.inv("log", "--test", "gated").stdout.startswith("PASSED")


def test_which_test_is_meant(project: Project, sold: Live) -> None:
    shop = Project(Path(sold.run.root))
    many = shop.inv("log", "--test", "test_asks")
    assert many.returncode == 64
    assert many.stderr.startswith(
        "'test_asks' matches 6 tests:\n  tests/test_it.py::test_asks[0]\n"
    )
    assert many.stderr.rstrip().endswith("Give more of the node id.")
    none = shop.inv("log", "--test", "test_nothing")
    assert none.returncode == 66
    assert "has no test 'test_nothing'" in none.stderr
    assert shop.inv("log", "--test", "").returncode == 64
    assert shop.inv("log", "--test", "quiet", "--follow").returncode == 64
    # A whole id is that test, even where others hold it.
    project.write("tests/test_it.py", "def test_a(): pass\ndef test_ab(): pass\n")
    project.ended()
    whole = project.inv("log", "--test", "tests/test_it.py::test_a")
    assert whole.returncode == 0
    assert "test_a  " in whole.stdout


def test_only_the_last_lines_are_shown_and_the_rest_is_named(shop: Project) -> None:
    source = """
        import logging
        def test_talks():
            for n in range(100): logging.getLogger("x").info("line %d", n)
            try: 1 / 0
            except ZeroDivisionError: logging.getLogger("x").exception("bad")
    """
    shop.write("tests/test_it.py", textwrap.dedent(source))
    live = shop.ended()
    first, left, *rows, _ = shop.inv("log", "--test", "talks", "--lines", "5").stdout.splitlines()
    assert first.endswith("101 lines: test 101")
    name = f"--run {live.run.short}"
    assert left == (
        f"+ 96 earlier lines: inv log {name} --test tests/test_it.py::test_talks --lines 101"
    )
    assert [row.split()[-1] for row in rows[:4]] == ["96", "97", "98", "99"]
    assert rows[-1] == "  | ZeroDivisionError: division by zero"


def test_a_service_log_of_a_gigabyte_is_looked_at_through_a_window(
    project: Project, sold: Live
) -> None:
    """The log is sparse on the disk; the answer comes without most of it being read."""
    live = project.inherit(sold)
    log = live.record.path(test_log.SERVICES)
    ours = log.read_bytes()
    day = 86_400
    other = {"level": "INFO", "service": "gateway", "request_id": "wk-other-1.1", "message": "x"}

    def at(seconds: float) -> bytes:
        row = {"time": live.run.created_s + seconds, **other}
        return json.dumps(row).encode() + b"\n"

    step = 512 * 1024
    with log.open("wb") as file:  # a line every half megabyte, holes between them
        for n in range(1000):
            file.seek(n * step)
            file.write(b"\n" + at(-day + n * 60))
        file.seek(1000 * step)
        file.write(b"\n" + ours)
        for n in range(1001, 2048):
            file.seek(n * step)
            file.write(b"\n" + at(day + n * 60))
    assert log.stat().st_size > 1_000_000_000
    before = _read_so_far()
    own = ("env", *INV)  # a child of ours, so that its reading is counted
    answer = project.inv("log", "--test", "test_asks[4]", "--json", program=own)
    read = _read_so_far() - before
    told = json.loads(answer.stdout)
    assert [line["source"] for line in told["lines"]].count("gateway") == 2
    assert told["unread"] == []
    assert 1_000_000 < read < 200_000_000, f"{read:,} bytes were read"


def _read_so_far() -> int:
    """Bytes that the children of this process that were waited for have read."""
    with open("/proc/self/io", encoding="ascii") as file:  # noqa: PTH123 - a file of the kernel's
        return int(file.readline().split()[1])


def test_a_test_that_talks_without_end_shows_how_it_ended(shop: Project) -> None:
    source = """\
import logging
def test_talks():
    for n in range(6000): logging.getLogger("x").info("line %d %s", n, "y" * 1000)
"""
    shop.write("tests/test_it.py", source)
    live = shop.ended()
    told = shop.json("log", "--test", "talks")
    size = live.record.path("logs-main.jsonl").stat().st_size
    assert size > test_log.OWN_BYTES
    assert told["lines"][-1]["message"].startswith("line 5999 ")
    assert told["unread"] == [
        f"logs-main.jsonl: {(size - test_log.OWN_BYTES) / 1e6:.1f} MB of earlier lines"
    ]


def test_every_attempt_at_a_test_is_told(shop: Project) -> None:
    source = """
        import logging, pathlib, urllib.request
        from walkaway.isolation.logs import request_ids as requests
        def test_again(gateway):
            tries = pathlib.Path("tries")
            tries.write_text((tries.read_text() if tries.exists() else "") + "x")
            headers = requests.headers()
            request = urllib.request.Request(f"{gateway}/try", headers=headers)
            urllib.request.urlopen(request).read()
            assert len(tries.read_text()) == 3
    """
    shop.write("tests/test_it.py", textwrap.dedent(source))
    live = shop.ended("--", "-p", "rerunfailures", "--reruns", "3")
    assert live.outcome()["outcome"] == "passed"
    _, *rows, _ = shop.inv("log", "--test", "again").stdout.splitlines()
    assert [row.split()[-1] for row in rows] == ["#1", "#1", "#2.1", "#2.1", "#3.1", "#3.1"]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_test_whose_process_died_is_told_to_its_last_line(shop: Project, workers: int) -> None:
    source = """
        import logging, os
        from walkaway.isolation.logs import request_ids as requests
        import urllib.request
        def test_dies(gateway):
            headers = requests.headers()
            request = urllib.request.Request(f"{gateway}/last", headers=headers)
            urllib.request.urlopen(request).read()
            logging.getLogger("x").info("last words")
            os._exit(3)
        def test_other(): pass
    """
    shop.write("tests/test_it.py", textwrap.dedent(source))
    live = shop.ended("--", *(("-p", "xdist", "-n", str(workers)) if workers else ()))
    told = shop.json("log", "--test", "dies", "--run", live.run.short)
    assert [(line["source"], line["message"]) for line in told["lines"]] == [
        ("chat", "GET /last: 200"),
        ("gateway", "GET /last: 200"),
        ("test", "last words"),
    ]


def test_make_takes_a_node_id_as_it_is(shop: Project) -> None:
    """Brackets, spaces and quotes reach the task through OPTS."""
    source = """
        import logging, pytest
        @pytest.mark.parametrize("x", ["a b", "c'd", "$(e)"])
        def test_odd(x): logging.getLogger("x").info("got %s", x)
    """
    shop.write("tests/test_it.py", textwrap.dedent(source))
    shop.ended()
    for x in ("a b", "c'd", "$(e)"):
        options = shlex.join(["--test", f"test_odd[{x}]"])
        program = (sys.executable, "-m", "walkaway", "make", "log")
        said = shop.inv(program=program, env={"WALKAWAY_OPTS": options})
        assert said.returncode == 0, said.stderr
        assert f"x: got {x}" in said.stdout


@pytest.mark.usefixtures("past")
def test_a_run_without_the_library_says_that_nothing_was_logged(project: Project) -> None:
    said = project.inv("log", "--test", "quick").stdout.splitlines()
    assert said[0].startswith("PASSED")
    assert said[0].endswith("nothing logged")
    assert said[-1].startswith("next: inv log --run ")
