"""What a process that was forked from the warm interpreter does: become `python -m MODULE`."""

from __future__ import annotations

import atexit
import io
import os
import runpy
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = list(argv)
    os._exit(_code_of(argv[0]) & 0xFF)


def _forget_own_modules(*, kept: bool) -> None:
    """Forget this repository's modules: a project may have a package `tests`, too."""
    mine = ("tests",) if kept else ("tests", "walkaway")
    for name in [name for name in sys.modules if name.partition(".")[0] in mine]:
        del sys.modules[name]


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


def _code_of(module: str) -> int:
    """Run a module and what Python does at its end; return the exit status."""
    code: object = None
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
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
    return code or 0
