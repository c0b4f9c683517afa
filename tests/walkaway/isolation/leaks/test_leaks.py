"""The test that leaves something is named; the others are not."""

from __future__ import annotations

import pytest

from tests.walkaway.support.nested import SERIAL, WAYS, Nested, Outcome

KEPT = "import pytest\nKEPT = []\n"
LEAKS = {
    "threads": (
        """
        import threading
        def test_leaks():
            gate = threading.Event()
            KEPT.append(gate)
            threading.Thread(target=gate.wait, args=(60,), name="left-thread", daemon=True).start()
        """,
        "left 1 thread behind",
        "threads: left-thread (daemon)",
    ),
    "tasks": (
        """
        import asyncio
        async def forever():
            await asyncio.sleep(3600)
        async def test_leaks():
            KEPT.append(asyncio.create_task(forever(), name="left-task"))
            await asyncio.sleep(0)
        """,
        "left 1 task behind",
        "tasks: left-task forever",
    ),
    "connections": (
        """
        import socket
        def test_leaks():
            KEPT.append(socket.create_server(("127.0.0.1", 0)))
        """,
        "left 1 connection behind",
        "connections: socket at 127.0.0.1:",
    ),
    "checkouts": (
        """
        import sqlalchemy
        ENGINE = sqlalchemy.create_engine("sqlite://")
        def test_leaks():
            KEPT.append(ENGINE.connect())
        """,
        "left 1 connection behind",
        "connections: sqlite3 connection not returned to its pool",
    ),
    "files": (
        """
        import tempfile
        def test_leaks():
            tempfile.mkdtemp(prefix="left-folder")
        """,
        "left 1 file behind",
        "/left-folder",
    ),
    "environment": (
        """
        import os, signal, sys, time
        def test_leaks(tmp_path):
            os.environ["LEFT"] = "a secret"
            os.environ.pop("GIVEN")
            os.environ["TZ"] = "Asia/Tokyo"
            time.tzset()
            os.chdir(tmp_path)
            sys.path.append("/left")
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        """,
        "left 7 changes of the environment behind",
        "environment: variable LEFT set",
    ),
    "processes": (
        """
        import subprocess
        def test_leaks():
            KEPT.append(subprocess.Popen(["sleep", "60"]))
        """,
        "left 1 process behind",
        "sleep 60",
    ),
    "keys": (
        """
        @pytest.fixture(scope="session", autouse=True)
        def client(worker_redis):
            client = worker_redis.client()
            yield client
            client.close()
        def test_leaks(client):
            client.set("left-key", 1)
        """,
        "left 1 key behind",
        "keys: 'left-key'",
    ),
}
OTHERS = """
import os, signal, socket, sys, tempfile, time
import pytest

@pytest.mark.parametrize("n", range(12))
def test_innocent(n, tmp_path, monkeypatch):
    assert not [name for name in os.listdir(tempfile.gettempdir()) if "left" in name]
    assert os.path.exists("pytest.ini")
    assert "LEFT" not in os.environ and os.environ["GIVEN"] == "1"
    assert "/left" not in sys.path and time.tzname == ("UTC", "UTC")
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    monkeypatch.setenv("LEFT", "1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            pass
"""
END = """
import os, sys
import pytest
@pytest.fixture(scope="session", autouse=True)
def ended():
    yield
    for name, module in list(sys.modules.items()):
        for thing in getattr(module, "KEPT", []) if name.startswith("test_") else ():
            for name in ("set", "kill", "close"):
                if hasattr(thing, name):
                    getattr(thing, name)()
            if hasattr(thing, "wait") and hasattr(thing, "kill"):
                thing.wait()
"""


def project(nested: Nested, kind: str, source: str) -> None:
    """Write a file whose one test leaves something."""
    nested.conftest(END)
    nested.environ |= {"GIVEN": "1", "TZ": "UTC"}
    text = _dedent(KEPT, source).replace("test_leaks", f"test_{kind}")
    nested.write(f"test_{kind}.py", text)


def named(kind: str) -> str:
    return "connections" if kind == "checkouts" else kind


def blamed(ended: Outcome) -> dict[str, tuple[str, ...]]:
    return {name: came for name, came in ended.tests.items() if came != ("passed",)}


@pytest.mark.parametrize("way", WAYS)
def test_who_leaves_something_is_named_and_nobody_else(nested: Nested, way: str) -> None:
    for kind, (source, _, _) in LEAKS.items():
        project(nested, kind, source)
    nested.write("test_others.py", OTHERS)
    ended = nested.run(*WAYS[way])
    assert blamed(ended) == {f"test_{kind}": ("error",) for kind in LEAKS}, ended
    for kind, (_, first, thing) in LEAKS.items():
        lines = ended.messages[f"test_{kind}"].splitlines()
        nodeid = f"test_{kind}.py::test_{kind}"
        at = next(n for n, line in enumerate(lines) if line.startswith(nodeid))
        assert lines[at] == f"{nodeid} {first}"
        assert thing in "\n".join(lines[at + 1 :])
        assert f'@pytest.mark.allow_leaks("{named(kind)}", reason="...").' in lines[-1]
    assert "a secret" not in ended.text


def test_a_mark_allows_its_kind_and_no_other(nested: Nested) -> None:
    for kind, (source, _, _) in LEAKS.items():
        mark = f'\npytestmark = pytest.mark.allow_leaks("{named(kind)}", reason="so")\n'
        project(nested, kind, _dedent("", source) + mark)
    ended = nested.run(*SERIAL)
    assert ended.code == 0, ended
    source = _dedent("", LEAKS["threads"][0])
    project(
        nested, "threads", source + '\npytestmark = pytest.mark.allow_leaks("rows", reason="-")'
    )
    assert blamed(nested.run(*SERIAL)) == {"test_threads": ("error",)}


@pytest.mark.parametrize("kinds", ["none", "threads rows", "files processes"])
def test_the_ini_setting_says_what_is_looked_for(nested: Nested, kinds: str) -> None:
    for kind, (source, _, _) in LEAKS.items():
        project(nested, kind, source)
    ended = nested.run(*SERIAL, "-o", f"leak_kinds={kinds}")
    wanted = {f"test_{kind}": ("error",) for kind in LEAKS if kind in kinds.split()}
    assert blamed(ended) == wanted, ended


def test_a_test_that_fails_and_leaks_shows_both(nested: Nested) -> None:
    source = _dedent("", LEAKS["environment"][0]) + "    assert 'this' == 'that'\n"
    project(nested, "environment", source)
    ended = nested.run(*SERIAL)
    assert "1 failed, 1 error" in ended.text
    assert "assert 'this' == 'that'" in ended.text
    assert (
        "test_environment.py::test_environment left 7 changes of the environment behind"
        in ended.text
    )


@pytest.mark.parametrize(
    ("mark", "said"),
    [
        ('"treads", reason="so"', "no kind treads; there are rows, keys, connections, tasks"),
        ('reason="so"', "no kind is named; there are rows"),
        ('"threads"', "say why"),
        ('"threads", reason=""', "say why"),
        ('"threads", why="so"', "say why"),
    ],
)
def test_a_mark_that_is_not_as_it_should_be_is_refused(
    nested: Nested, mark: str, said: str
) -> None:
    nested.write(
        "test_it.py", f"import pytest\n@pytest.mark.allow_leaks({mark})\ndef test_it(): pass\n"
    )
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_it": ("error",)}
    assert f"allow_leaks: {said}" in ended.text


def test_an_unknown_kind_in_the_ini_file_is_refused(nested: Nested) -> None:
    nested.write("test_it.py", "def test_it(): pass\n")
    ended = nested.run(*SERIAL, "-o", "leak_kinds=threads treads")
    assert ended.code == 4
    assert "leak_kinds: no kind treads; there are rows, keys" in ended.text


def test_what_wider_fixtures_own_is_nobodys_leak(nested: Nested) -> None:
    """Also when one is first set up in the middle of a test, or its pool grows in one."""
    nested.write(
        "test_it.py",
        """
        import asyncio, os, socket, subprocess, tempfile, threading, pytest

        class Pool:
            def __init__(self):
                self.idle = []
                self.server = socket.create_server(("127.0.0.1", 0))
            def grow(self):
                client = socket.create_connection(self.server.getsockname())
                self.idle.append({"client": client, "served": self.server.accept()[0]})
            def close(self):
                for pair in self.idle:
                    for end in pair.values():
                        end.close()
                self.server.close()

        @pytest.fixture(scope="module")
        def pool():
            pool = Pool()
            yield pool
            pool.close()

        @pytest.fixture(scope="session")
        def much(tmp_path_factory):
            gate = threading.Event()
            thread = threading.Thread(target=gate.wait)
            thread.start()
            process = subprocess.Popen(["sleep", "60"])
            os.environ["WIDER"] = "1"
            folder = tempfile.mkdtemp()
            yield
            gate.set(); thread.join(); process.kill(); process.wait()
            del os.environ["WIDER"]; os.rmdir(folder)

        @pytest.mark.parametrize("n", range(3))
        def test_pool(pool, n):
            pool.grow()

        def test_in_the_middle(request, monkeypatch):
            monkeypatch.setenv("MINE", "1")
            request.getfixturevalue("much")

        def test_after():
            assert os.environ["WIDER"] == "1" and "MINE" not in os.environ

        def test_in_the_middle_and_leaks(request):
            os.environ["EARLY"] = "1"
            request.getfixturevalue("pool2")

        @pytest.fixture(scope="module")
        def pool2():
            os.environ["WIDER2"] = "1"
            yield
            del os.environ["WIDER2"]
        """,
    )
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_in_the_middle_and_leaks": ("error",)}, ended
    assert "left 1 change of the environment behind" in ended.text
    assert "variable EARLY set" in ended.text


def test_fixtures_of_the_test_clean_up_before_the_check(nested: Nested) -> None:
    """Autouse ones too, asynchronous ones too, and set-up methods."""
    nested.conftest("""
        import os, pytest, threading, asyncio
        @pytest.fixture(autouse=True)
        def a_first():
            os.environ["AUTO"] = "1"
            yield
            del os.environ["AUTO"]
        @pytest.fixture
        async def server():
            task = asyncio.create_task(asyncio.sleep(60))
            yield
            task.cancel()
    """)
    nested.write(
        "test_it.py",
        """
        import asyncio, threading, unittest, os
        class TestIt:
            def setup_method(self):
                self.gate = threading.Event()
                self.thread = threading.Thread(target=self.gate.wait)
                self.thread.start()
            def teardown_method(self):
                self.gate.set()  # not joined: it is on its way out
            def test_method(self):
                pass
        class TestOld(unittest.TestCase):
            def setUp(self):
                os.environ["OLD"] = "1"
            def tearDown(self):
                del os.environ["OLD"]
            def test_old(self):
                pass
        async def test_async(server):
            asyncio.create_task(asyncio.sleep(0))
            task = asyncio.create_task(asyncio.sleep(60))
            task.cancel()
        async def test_cancels():
            task = asyncio.create_task(takes_its_leave())
            await asyncio.sleep(0)
            task.cancel()
        async def takes_its_leave():
            try:
                await asyncio.sleep(60)
            finally:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        """,
    )
    ended = nested.run(*SERIAL)
    assert ended.code == 0, ended


def test_what_another_plugin_asks_for_first_is_undone_before_the_check(nested: Nested) -> None:
    nested.write(
        "early.py",
        """
        import pytest
        @pytest.fixture(autouse=True)
        def early(monkeypatch):
            pass
        """,
    )
    nested.write(
        "test_it.py",
        """
        def test_it(monkeypatch):
            monkeypatch.setenv("MINE", "1")
        """,
    )
    nested.environ["PYTHONPATH"] = f"{nested.env()['PYTHONPATH']}:{nested.root}"
    ended = nested.run(*SERIAL, "-p", "early")
    assert ended.code == 0, ended


def test_a_task_in_a_wider_loop_is_the_tests_that_began_it(nested: Nested) -> None:
    nested.write(
        "test_it.py",
        """
        import asyncio, pytest
        pytestmark = pytest.mark.asyncio(loop_scope="module")
        KEPT = []
        async def forever():
            await asyncio.sleep(3600)
        @pytest.fixture(scope="module", loop_scope="module")
        async def wider():
            task = asyncio.create_task(forever(), name="wider")
            yield
            task.cancel()
        async def test_a(wider): pass
        async def test_leaks(wider):
            KEPT.append(asyncio.create_task(forever(), name="left"))
        async def test_z(wider):
            assert KEPT[0].cancelled()
        """.replace("@pytest.fixture(", "@pytest_asyncio.fixture(").replace(
            "import asyncio, pytest\n", "import asyncio, pytest, pytest_asyncio\n"
        ),
    )
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_leaks": ("error",)}, ended
    assert "tasks: left forever" in ended.text


def test_each_worker_has_a_temporary_folder_of_its_own(nested: Nested) -> None:
    nested.write(
        "test_it.py",
        """
        import json, os, subprocess, sys, tempfile, pytest
        @pytest.mark.parametrize("n", range(8))
        def test_it(n, tmp_path_factory):
            assert tempfile.gettempdir() == os.environ["TMPDIR"]
            assert tempfile.gettempdir() == str(tmp_path_factory.getbasetemp() / "tmp")
            with open("said", "a") as file:
                file.write(json.dumps({"folder": tempfile.gettempdir()}) + "\\n")
        """,
    )
    assert nested.run(*WAYS["n4"]).code == 0
    assert len({line["folder"] for line in nested.said("said")}) == 4


def test_the_check_can_be_overridden_by_name(nested: Nested) -> None:
    nested.conftest("""
        import pytest
        @pytest.fixture(autouse=True)
        def leak_check():
            pass
    """)
    nested.write(
        "test_it.py",
        "import os\nBEFORE = os.environ.get('TMPDIR')\n"
        "def test_it():\n    os.environ['A'] = '1'\n"
        "    assert os.environ.get('TMPDIR') == BEFORE\n",
    )
    ended = nested.run(*SERIAL)
    assert ended.code == 0, ended


def _dedent(before: str, source: str) -> str:
    import textwrap

    return before + textwrap.dedent(source)
