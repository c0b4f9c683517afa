"""What a process that was forked from the warm interpreter does: become `python -m MODULE`."""

from __future__ import annotations

import atexit
import functools
import io
import os
import runpy
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

from tests.walkaway.support import warm_workers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_GIVEN = os.environ.get("PYTHONPATH", "").split(os.pathsep)
_ROOT = str(Path(__file__).resolve().parents[3])
_OWN_PATH = [folder for folder in sys.path[1:] if folder not in _GIVEN]


class _Descriptor(Protocol):
    def detach(self) -> int: ...


def arrived(sent: _Descriptor) -> int:
    """Return the number of a descriptor that was sent here."""
    return sent.detach()


def run(
    argv: Sequence[str],
    cwd: str,
    env: Mapping[str, str],
    files: Sequence[int],
    session: bool,  # noqa: FBT001 - given by position, through a pipe
) -> NoReturn:
    """Become `python -m ARGV` with these as standard input, output and error."""
    if session:
        os.setsid()
    if argv[0] == "pytest":
        warm_workers.prepare(argv, run_code)
    _enter(cwd, env, files)
    sys.argv = list(argv)
    sys.orig_argv = [sys.executable, "-m", *argv]
    _end(functools.partial(runpy.run_module, argv[0], run_name="__main__", alter_sys=True))


def run_code(code: str, cwd: str, env: Mapping[str, str], files: Sequence[int]) -> NoReturn:
    """Become `python -u -c CODE` in the same way."""
    _enter(cwd, env, files)
    sys.argv = ["-c"]
    sys.orig_argv = [sys.executable, "-u", "-c", code]
    sys.path[0] = ""
    sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
    _end(functools.partial(exec, code, {"__name__": "__main__"}))


def _enter(cwd: str, env: Mapping[str, str], files: Sequence[int]) -> None:
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.dont_write_bytecode = bool(env.get("PYTHONDONTWRITEBYTECODE"))
    given = [folder for folder in env.get("PYTHONPATH", "").split(os.pathsep) if folder]
    sys.path[:] = [str(Path.cwd()), *given, *_OWN_PATH]
    sys.path_importer_cache.clear()
    _forget_own_modules(kept=_ROOT in given)
    _use_standard_files(buffered=not env.get("PYTHONUNBUFFERED"))
    _customize(given)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _forget_own_modules(*, kept: bool) -> None:
    """Forget this repository's modules: a project may have a package `tests`, too."""
    mine = ("tests",) if kept else ("tests", "walkaway")
    for name in [name for name in sys.modules if name.partition(".")[0] in mine]:
        del sys.modules[name]


def _customize(given: Sequence[str]) -> None:
    """Run the environment's own `sitecustomize`, as Python does at its start."""
    files = [Path(folder, "sitecustomize.py") for folder in given]
    for file in [file for file in files if file.exists()][:1]:
        runpy.run_path(str(file))


def _use_standard_files(*, buffered: bool) -> None:
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before = getattr(sys, f"__{name}__")
        raw = number > 0 and not buffered
        mode = "wb" if number else "rb"
        file = io.TextIOWrapper(
            os.fdopen(number, mode, buffering=0 if raw else -1, closefd=False),
            encoding=before.encoding,
            errors=before.errors,
            write_through=raw,
            line_buffering=number == 2,
        )
        setattr(sys, name, file)
        setattr(sys, f"__{name}__", file)


def _end(main: Callable[[], object]) -> NoReturn:
    """Run the program and what Python does at its end, and exit."""
    code: object = None
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    except BaseException:  # noqa: BLE001 - as the interpreter itself does
        traceback.print_exc()
        code = 1
    threading._shutdown()  # type: ignore[attr-defined]  # the interpreter's own last steps
    atexit._run_exitfuncs()
    if not isinstance(code, int | None):
        sys.stderr.write(f"{code}\n")
        code = 1
    for file in (sys.stdout, sys.stderr):
        if not file.closed:
            file.flush()
    os._exit((code or 0) & 0xFF)
