"""The check beside what libraries do to the process: faked time, helpers, timers, threads kept."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.walkaway.isolation.leaks.test_leaks import blamed
from tests.walkaway.support.nested import SERIAL, Nested


def test_a_clock_that_is_stopped_for_a_whole_module_does_not_stop_the_check(
    nested: Nested,
) -> None:
    """As freezegun does, in a fixture that is wider than the test."""
    nested.write(
        "test_it.py",
        """
        import threading, time, pytest
        GATE = threading.Event()
        @pytest.fixture(scope="module", autouse=True)
        def stopped():
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(time, "monotonic", lambda: 5.0)
                patch.setattr(time, "sleep", lambda _: None)
                yield
        def test_ends_by_itself():
            threading.Timer(0.05, int).start()
        def test_leaks():
            threading.Thread(target=GATE.wait, name="left-thread").start()
        def test_ends():
            GATE.set()
        """,
    )
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_leaks": ("error",)}, ended
    assert "threads: left-thread" in ended.text


def test_what_multiprocessing_makes_for_the_whole_process_is_nobodys(nested: Nested) -> None:
    """Its folder stays whole, too: the fork server is asked by a socket in it."""
    nested.write(
        "test_it.py",
        """
        import multiprocessing, tempfile, pytest
        @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"] * 2)
        def test_starts(method):
            process = multiprocessing.get_context(method).Process(target=int)
            process.start()
            process.join()
            assert process.exitcode == 0
        def test_manages():
            with multiprocessing.Manager() as manager:
                assert manager.list([1])[0] == 1
        def test_leaks():
            tempfile.mkdtemp(prefix="pymp-")
        def test_manages_again():
            with multiprocessing.Manager() as manager:
                assert manager.list([1])[0] == 1
        """,
    )
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_leaks": ("error",)}, ended
    assert "left 1 file behind" in ended.text


def test_a_test_that_fails_under_a_timeout_is_not_accused_of_its_timer(nested: Nested) -> None:
    """pytest-timeout takes back its timer and handler at a failure, before the test's teardown."""
    nested.write(
        "test_it.py",
        """
        import os, signal, time
        def test_fails():
            assert 0
        def test_fails_and_leaks():
            os.environ["LEFT"] = "1"
            assert 0
        def test_leaks():
            signal.signal(signal.SIGALRM, signal.SIG_IGN)
        def test_disarms():
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        """,
    )
    ended = nested.run(*SERIAL, "-p", "timeout", "--timeout=100", "--timeout-method=signal")
    assert blamed(ended) == {
        "test_fails": ("failure",),
        "test_fails_and_leaks": ("failure", "error"),
        "test_leaks": ("error",),
        "test_disarms": ("error",),
    }, ended
    assert "test_fails_and_leaks left 1 change of the environment behind" in ended.text
    assert ended.text.count("environment: handler of SIGALRM") == 2


def test_a_thread_that_trio_keeps_is_accused_as_long_as_it_works(nested: Nested) -> None:
    nested.write("trio/__init__.py", "")
    nested.write("trio/_core/__init__.py", "")
    nested.write(
        "trio/_core/_thread_cache.py",
        """
        import threading
        class WorkerThread:
            def __init__(self, job):
                self.job, self.more = job, threading.Lock()
                self.more.acquire()
                threading.Thread(target=self._work, name="Trio thread", daemon=True).start()
            def _work(self):
                while True:
                    self.job()
                    if not self.more.acquire(timeout=10):
                        return
        """,
    )
    nested.write(
        "test_it.py",
        """
        import threading
        from trio._core._thread_cache import WorkerThread
        GATE = threading.Event()
        def test_runs():
            done = threading.Event()
            WorkerThread(done.set)
            done.wait()
        def test_leaks():
            WorkerThread(GATE.wait)
        def test_ends():
            GATE.set()
        """,
    )
    nested.environ["PYTHONPATH"] = f"{nested.env()['PYTHONPATH']}:{nested.root}"
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_leaks": ("error",)}, ended
    assert "left 1 thread behind\n  threads: Trio thread (daemon)" in ended.text


def test_the_tasks_of_a_server_in_a_wider_loop_go_on(nested: Nested) -> None:
    """A task a connection, as aiohttp's, while a wider client keeps the connection."""
    nested.write(
        "test_it.py",
        """
        import asyncio, pytest, pytest_asyncio
        pytestmark = pytest.mark.asyncio(loop_scope="module")
        KEPT = []

        class Connection(asyncio.Protocol):
            def __init__(self, server):
                self.server, self.lines = server, asyncio.Queue()
            def connection_made(self, transport):
                self.transport = transport
                self.server.connections.add(self)
                self.task = asyncio.create_task(self.answer())
            def connection_lost(self, error):
                self.server.connections.discard(self)
                self.task.cancel()
            def data_received(self, data):
                self.lines.put_nowait(data)
            async def answer(self):
                while True:
                    self.transport.write(await self.lines.get())

        class Server:
            connections = set()

        async def handler(reader, writer):
            await reader.read()
            for _ in range(20):
                await asyncio.sleep(0)
            writer.close()

        @pytest_asyncio.fixture(scope="module", loop_scope="module")
        async def port():
            server = Server()
            loop = asyncio.get_running_loop()
            async with await loop.create_server(lambda: Connection(server), "127.0.0.1", 0) as its:
                yield its.sockets[0].getsockname()[1]

        @pytest_asyncio.fixture(scope="module", loop_scope="module")
        async def client(port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            yield reader, writer
            writer.close()

        @pytest_asyncio.fixture(scope="module", loop_scope="module")
        async def slow():
            async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
                yield server.sockets[0].getsockname()[1]

        @pytest.mark.parametrize("n", range(3))
        async def test_asks(port, n):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"x")
            assert await reader.read(1) == b"x"
            writer.close()
            await writer.wait_closed()

        @pytest.mark.parametrize("n", range(3))
        async def test_keeps(client, n):
            reader, writer = client
            writer.write(b"x")
            assert await reader.read(1) == b"x"

        async def test_leaves_a_handler_that_ends(slow):
            _, writer = await asyncio.open_connection("127.0.0.1", slow)
            await asyncio.sleep(0.01)
            writer.close()
            await writer.wait_closed()

        async def test_leaks(client):
            KEPT.append(asyncio.create_task(asyncio.sleep(60), name="left"))

        async def test_ends(client):
            assert KEPT[0].cancelled()
        """,
    )
    ended = nested.run(*SERIAL)
    assert blamed(ended) == {"test_leaks": ("error",)}, ended
    assert "left 1 task behind\n  tasks: left sleep" in ended.text


def test_sockets_can_be_made_in_the_temporary_folder_however_long_basetemp_is(
    nested: Nested,
) -> None:
    nested.write(
        "test_it.py",
        """
        import multiprocessing, os, socket, tempfile
        def test_manages():
            with multiprocessing.Manager() as manager:
                assert manager.list([1])[0] == 1
        def test_makes(tmp_path_factory):
            assert len(str(tmp_path_factory.getbasetemp())) > 100
            with tempfile.TemporaryDirectory(prefix="pymp-") as folder:
                with socket.socket(socket.AF_UNIX) as server:
                    server.bind(tempfile.mktemp(prefix="listener-", dir=folder))
        def test_leaks():
            tempfile.mkdtemp(prefix="left-")
        """,
    )
    temporary = nested.root / "temporary"
    temporary.mkdir()
    # Short, whatever the test's own folder is called.
    with tempfile.TemporaryDirectory(prefix="wk-") as short:
        nested.environ["TMPDIR"] = short
        ended = nested.run(*SERIAL, f"--basetemp={temporary / ('long' * 25)}")
        assert list(Path(short).iterdir()) == []
    assert blamed(ended) == {"test_leaks": ("error",)}, ended
    assert "Traceback" not in ended.text
