"""A recorder in which one chosen function raises: its source is compiled with a call in each.

Standard library alone: it runs in the pytest that is recorded, and in xdist's workers. As a script
it is a server that forks a warm pytest, and the workers of one, for each run it is asked for.
"""

from __future__ import annotations

import ast
import fcntl
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import CodeType, ModuleType

PACKAGE = "walkaway_recorder"
REPOSITORY = Path(__file__).resolve().parents[3]
FOLDER = REPOSITORY / "walkaway" / "recorder" / PACKAGE
VARIABLE = "FAULTY"
#: Before the line of a site that raised in a worker.
FIRED = "!"
#: Called by others than the recorder: what raises before their guard would be theirs to catch.
ENTRIES = frozenset({
    "_load", "_begin",
    "Events.note",
    "Guard.__enter__", "Guard.__exit__",
    "PatientFile.write",
    "Recording._leave",
    "Workers._naming.worker_logstart", "_patient.sendcommand", "note_starts.start",
    "Stopping._listen.next_event", "_cleaning.sendevent", "_hearing.handle_command",
    "run_no_culprit_again.remove_node",
})  # fmt: skip
#: Not loaded into a recorded pytest, or before anything can be guarded.
NOT_MEANT = ("isolated_start.main", "originals.keep_builtins")

_PIPE_BYTES = 1024 * 1024
_GUARDS = ("self._guard", "guard", "suppress(Exception)")


class FaultError(RuntimeError):
    """What the chosen function raises."""


class Chosen:
    """The site that raises: with every call, or with the n-th one alone.

    A worker has a file, in which its first call of each site is noted, and that it raised.
    """

    def __init__(self, site: str = "", nth: int = 0, file: str = "") -> None:
        self.site, self.nth, self.file = site, nth, file
        self.calls: dict[str, int] = {}
        self.fired = 0

    def __call__(self, site: str) -> None:
        self.calls[site] = self.calls.get(site, 0) + 1
        if self.file and self.calls[site] == 1:
            self._note(site)
        if site == self.site and self.nth in {0, self.calls[site]}:
            self.fired += 1
            if self.file and self.fired == 1:
                self._note(f"{FIRED}{site}")
            raise FaultError(site)

    def _note(self, line: str) -> None:
        fd = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, f"{line}\n".encode())
        os.close(fd)


def _functions(
    tree: ast.AST, inside: tuple[str, ...] = ()
) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield ".".join((*inside, node.name)), node
            yield from _functions(node, (*inside, node.name))
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, (*inside, node.name))
        else:
            yield from _functions(node, inside)


def _call(site: str, at: ast.stmt) -> ast.stmt:
    name = ast.Name("__faulty__", ast.Load())
    call = ast.Expr(ast.Call(name, [ast.Constant(site)], []))
    return ast.fix_missing_locations(ast.copy_location(call, at))


def is_entry(name: str) -> bool:
    return name in ENTRIES or name.rpartition(".")[2].startswith("pytest_")


def _bodies(name: str, function: ast.FunctionDef) -> list[list[ast.stmt]]:
    """Return the blocks of a function that may raise: its own, or of an entry what it guards."""
    if is_entry(name):
        return [body for node in ast.walk(function) if (body := _guarded(node)) is not None]
    return [function.body]


def _guarded(node: ast.AST) -> list[ast.stmt] | None:
    """Return the statements whose errors this one swallows."""
    if isinstance(node, ast.Try):
        swallows = any(ast.unparse(each.type or node) == "Exception" for each in node.handlers)
        return node.body if swallows else None
    guard = isinstance(node, ast.With) and ast.unparse(node.items[0]) in _GUARDS
    return node.body if isinstance(node, ast.With) and guard else None


def _blocks(body: list[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """Return a block and all those in it, but what runs after an error, and other functions."""
    yield body
    for statement in body:
        if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
            for field in ("body", "orelse"):
                block = getattr(statement, field, None)
                if isinstance(block, list):
                    yield from _blocks(block)


def sites() -> dict[str, bool]:
    """Return every function of the recorder by its site, and whether it may raise."""
    return {
        f"{path.stem}.{name}": bool(_bodies(name, function))
        for path in sorted(FOLDER.glob("*.py"))
        for name, function in _functions(ast.parse(path.read_text(encoding="utf-8")))
    }


def instrumented(path: Path, *, every_line: bool) -> ast.Module:
    """Return a module of the recorder with a call of `__faulty__` wherever it may raise."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    places: dict[int, tuple[str, list[ast.stmt]]] = {}
    for name, function in _functions(tree):
        site = f"{path.stem}.{name}"
        for body in _bodies(name, function) if site not in NOT_MEANT else []:
            for block in _blocks(body) if every_line else [body]:
                places.setdefault(id(block), (site, block))
    for site, block in places.values():
        first = 1 if ast.get_docstring(ast.Module(block, [])) is not None else 0
        for number in range(len(block) if every_line else first + 1, first, -1):
            at = block[number - 1]
            block.insert(number - 1, _call(f"{site}:{at.lineno}" if every_line else site, at))
    return tree


@cache
def compiled(path: Path, *, every_line: bool) -> CodeType:
    """Compile a module once a server."""
    return compile(instrumented(path, every_line=every_line), str(path), "exec")


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, chosen: Chosen, *, every_line: bool) -> None:
        super().__init__(name, path)
        self._chosen, self._every_line = chosen, every_line

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__faulty__"] = self._chosen
        code = compiled(Path(self.path), every_line=self._every_line)
        exec(code, module.__dict__)  # noqa: S102 - our own source


class Finder(importlib.abc.MetaPathFinder):
    """Loads the recorder's modules with the fault in them."""

    def __init__(self, chosen: Chosen, *, every_line: bool) -> None:
        self._chosen, self._every_line = chosen, every_line

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of the recorder; of all others nothing."""
        del path, target
        package, _, name = fullname.partition(".")
        if package != PACKAGE:
            return None
        file = str(FOLDER / f"{name or '__init__'}.py")
        loader = _Loader(fullname, file, self._chosen, every_line=self._every_line)
        where = None if name else [str(FOLDER)]
        return importlib.util.spec_from_file_location(
            fullname, file, loader=loader, submodule_search_locations=where
        )


def install(text: str, *, worker: bool = False) -> Chosen:
    """Load the recorder from now on with the fault that a JSON text describes."""
    asked = json.loads(text)
    chosen = Chosen(asked["site"], asked["nth"], asked["workers"] if worker else "")
    sys.meta_path.insert(0, Finder(chosen, every_line=asked["every_line"]))
    return chosen


def run(asked: dict[str, object]) -> None:
    """Run pytest as asked; the exit code and what was called go into the file `told`."""
    import pytest

    environ = asked["environ"]
    assert isinstance(environ, dict)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(str(asked["cwd"]))
    chosen = Chosen()
    args = asked["args"]
    assert isinstance(args, list)
    _fork_workers(args)
    if asked["recorded"]:
        chosen = install(os.environ[VARIABLE])
        for path in FOLDER.glob("*.py"):  # now: pytest's own finder will stand before ours
            if path.stem != "isolated_start":
                import_module(f"{PACKAGE}.{path.stem}" if path.stem != "__init__" else PACKAGE)
        args = ["-p", PACKAGE, *args]
    code: int | str
    try:
        code = int(pytest.main(args))
    except BaseException as error:  # noqa: BLE001 - that is an answer
        code = f"{type(error).__name__}: {error}"
    sys.stdout.flush()
    sys.stderr.flush()
    told = {"code": code, "fired": chosen.fired, "calls": chosen.calls}
    pipe = os.open(str(asked["told"]), os.O_WRONLY)  # a test may have limited files
    os.write(pipe, json.dumps(told).encode())


def _fork_workers(args: Sequence[str]) -> None:
    from tests.walkaway.support import warm_child, warm_workers

    warm_workers.prepare(args, warm_child.run_code)


def serve() -> None:
    """Read what to run from stdin, one line each; answer each with a line when it has ended."""
    _warm_up()
    # What has been compiled here is compiled for the workers, too.
    sys.modules["faulty"] = sys.modules["__main__"]
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["recorded"]:
            every_line = json.loads(asked["environ"][VARIABLE])["every_line"]
            for path in FOLDER.glob("*.py"):
                compiled(path, every_line=every_line)
        told = Path(asked["told"])
        os.mkfifo(told)
        answers = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
        log, output = os.pipe()
        for pipe in (answers, log):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        child = os.fork()
        if child == 0:
            try:
                for number in (1, 2):
                    os.dup2(output, number)
                run(asked)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        os.close(output)
        os.set_blocking(log, False)
        answer = json.loads(os.read(answers, _PIPE_BYTES) or b"{}")
        answer["log"] = _all(log).decode(errors="replace")
        os.close(answers)
        told.unlink()
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _warm_up() -> None:
    """Import what a run imports, by one."""
    import importlib.metadata

    import pytest

    sys.path.insert(0, str(REPOSITORY))
    import_module("tests.walkaway.support.warm_child")
    sys.path.remove(str(REPOSITORY))
    with TemporaryDirectory() as name:
        Path(name, "pytest.ini").touch()
        Path(name, "test_warm_up.py").write_text(
            "def test_a(): pass\ndef test_b(): assert 0 == 1\n"
        )
        with redirect_stdout(StringIO()):
            pytest.main(["-p", "no:cacheprovider", "--rootdir", name, name])
    importlib.metadata.version("pytest")
    # pytest collects at its end: not what was here before, which no child would then share.
    gc.collect()
    gc.freeze()


def _all(pipe: int) -> bytes:
    """Read what is in a pipe; a process that a test left behind may still hold its other end."""
    try:
        return os.read(pipe, _PIPE_BYTES)
    except BlockingIOError:
        return b""
    finally:
        os.close(pipe)


if __name__ == "__main__":
    serve()
