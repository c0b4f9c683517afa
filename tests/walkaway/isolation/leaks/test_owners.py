"""What servers and pools of wider fixtures start during a test is not that test's leak."""

from __future__ import annotations

from tests.walkaway.isolation.leaks.test_leaks import blamed
from tests.walkaway.support.nested import SERIAL, Nested

WIDER = """
import asyncio, concurrent.futures, http.server, pytest, threading

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass

@pytest.fixture(scope="session")
def url():  # the value does not lead to the server
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown(); server.server_close(); thread.join()

@pytest.fixture(scope="session")
def client():
    import httpx
    with httpx.Client() as client:
        yield client

@pytest.fixture(scope="module")
def threads():
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield pool

@pytest.fixture(scope="module")
def processes():
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        yield pool

@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    from sqlalchemy.ext.asyncio import create_async_engine
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('db')}/it.db")
    yield engine
    asyncio.run(engine.dispose())

@pytest.fixture(scope="module")
def loop():  # an event loop in a thread, which starts threads of its own
    class Worker(threading.Thread):  # as anyio's
        def __init__(self, loop):
            super().__init__(daemon=True)
            self.loop, self.gate = loop, gate
        def run(self):
            self.gate.wait()
    gate = threading.Event()
    loop = asyncio.new_event_loop()
    loop_ = threading.Thread(target=loop.run_forever)
    loop_.start()
    started = []
    def work():
        started.append(Worker(loop))
        started[0].start()
    yield lambda: loop.call_soon_threadsafe(work)
    gate.set()
    loop.call_soon_threadsafe(loop.stop); loop_.join(); loop.close()
    started[0].join()
"""
TESTS = """
import asyncio, concurrent.futures, functools, socket, subprocess, threading, time
KEPT = []
SHARED = concurrent.futures.ThreadPoolExecutor(1)

@functools.cache
def cached():
    import httpx
    return httpx.Client()

def test_keeps_alive(url, client): client.get(url)
def test_cached(url): cached().get(url)
def test_pool(threads): threads.submit(abs, 1).result()
def test_shared(): SHARED.submit(abs, 1).result()
def test_processes(processes): processes.submit(abs, 1).result()
def test_loop(loop):
    loop()
    while sum(type(one).__name__ == "Worker" for one in threading.enumerate()) == 0:
        time.sleep(0.01)
def test_engine(engine):
    async def ask():
        async with engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")
    asyncio.run(ask())

def test_leaks_busy():
    pool = concurrent.futures.ThreadPoolExecutor(1, "busy")
    gate = threading.Event()
    KEPT.extend([gate, pool])
    pool.submit(gate.wait, 60)
def test_leaks_timer():
    timer = threading.Timer(60, print)
    timer.daemon, timer.name = True, "timer"
    timer.start()
    KEPT.append(timer.finished)
def test_leaks_client(url):
    host, _, port = url.removeprefix("http://").partition(":")
    KEPT.append(socket.create_connection((host, int(port))))
def test_leaks_process():
    KEPT.append(subprocess.Popen(["sleep", "60"]))

def test_ends():
    gate, pool, timer, client, process = KEPT
    gate.set(); pool.shutdown(); timer.set(); client.close(); process.kill(); process.wait()
    cached().close()
"""


def test_servers_and_pools_of_wider_fixtures_go_on(nested: Nested) -> None:
    nested.conftest(WIDER)
    nested.write("test_it.py", TESTS)
    ended = nested.run(*SERIAL)
    named = {
        "test_leaks_busy": "left 1 thread behind\n  threads: busy_0",
        "test_leaks_timer": "left 1 thread behind\n  threads: timer",
        "test_leaks_client": "left 1 connection behind\n  connections: connection to 127.0.0.1:",
        "test_leaks_process": "left 1 process behind\n  processes: ",
    }
    assert blamed(ended) == dict.fromkeys(named, ("error",)), ended
    for name, said in named.items():
        assert f"{name} {said}" in ended.messages[name]
