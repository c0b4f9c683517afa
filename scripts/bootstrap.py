"""Make or repair .venv from requirements-dev.txt. Standard library only; `make` calls it.

Writes nothing outside the checkout's .venv. Reports slow steps on stderr, never on stdout, and
prints nothing when there is nothing to do. Exit codes: 0 ready, 69 .venv cannot be made (with what
to do about it), 130 interrupted.

Files in .venv:
    `.walkaway-lock`: flock, never deleted here.
    `.walkaway-unfinished`: exists during an install; whoever finds it starts afresh.
    `.walkaway-stamp`: the locks and the Python that the finished .venv was made from.
    `.walkaway-failed`: the last failure, for those who waited for it.
    `.walkaway-install.log`: output of the install.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Iterator, NoReturn, Sequence

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
INSTALLED = "requirements-dev.txt"
LOCKS = ("requirements.txt", "requirements-test.txt", INSTALLED)
OLDEST = (3, 11)
OURS = ".walkaway-"
LOCK = VENV / ".walkaway-lock"
STAMP = VENV / ".walkaway-stamp"
UNFINISHED = VENV / ".walkaway-unfinished"
FAILED = VENV / ".walkaway-failed"
LOG = VENV / ".walkaway-install.log"
NOT_STARTABLE = 69
CTRL_C = 130
"""As in walkaway.model.exit_codes, which an older Python may not be able to read."""
TICK_S = 10.0
"""Seconds between two progress lines when stderr is no terminal."""

NETWORK_TROUBLE = re.compile(
    r"Failed to establish a new connection|NewConnectionError|NameResolutionError"
    r"|name resolution|Name or service not known|dns error|error sending request"
    r"|[Cc]onnection (?:refused|reset|broken|timed out)|Network is unreachable|[Tt]imed out"
    r"|ProxyError|ConnectTimeout|No route to host",
)
HASH_TROUBLE = "THESE PACKAGES DO NOT MATCH THE HASHES"


class BootstrapError(Exception):
    """Something a person can fix, described in at most three lines."""


def say(text: str) -> None:
    print(f"walkaway: {text}", file=sys.stderr, flush=True)


# What .venv should be, and what it is


def locks_digest() -> str:
    digest = hashlib.sha256()
    for name in LOCKS:
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def stamp_text(python: str) -> str:
    return f"{locks_digest()} {python}\n"


def stamped_python() -> str | None:
    """Return Python's version (`3.11`) from the stamp if .venv is current, else None."""
    try:
        text = STAMP.read_text(encoding="ascii")
        python = text.split()[1]
    except (OSError, ValueError, IndexError):
        return None
    return python if text == stamp_text(python) else None


def interpreter_stands(python: str) -> bool:
    """Return whether .venv's interpreter exists and is still the one that .venv was made with.

    An upgrade of the system's Python leaves the link `.venv/bin/python -> /usr/bin/python3` intact,
    but the new version does not see .venv's packages. Starts no process.
    """
    if not VENV_PYTHON.exists():
        return False
    version = re.search(r"(\d+\.\d+)$", os.path.realpath(VENV_PYTHON))
    return version is None or version.group(1) == python


def ready() -> bool:
    python = stamped_python()
    return python is not None and not UNFINISHED.exists() and interpreter_stands(python)


def venv_version() -> str | None:
    """Return the version (`3.11`) that .venv's Python reports; None if none runs."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        asked = subprocess.run(
            [str(VENV_PYTHON), "-I", "-c", code],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return None
    return asked.stdout.decode().strip() or None if asked.returncode == 0 else None


# One at a time


@contextlib.contextmanager
def locked() -> Iterator[int]:
    """Hold .venv's lock and yield its descriptor. Prints a line when it has to wait."""
    while True:
        VENV.mkdir(exist_ok=True)
        with LOCK.open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("waiting for another make that is making .venv")
                fcntl.flock(lock, fcntl.LOCK_EX)
            # If somebody deleted .venv meanwhile, this lock guards nothing.
            if LOCK.exists() and os.path.samestat(LOCK.stat(), os.fstat(lock.fileno())):
                yield lock.fileno()
                return


def clear() -> None:
    """Empty .venv except for our own files: others may be waiting for the lock."""
    for entry in VENV.iterdir():
        if entry.name.startswith(OURS):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


# Installing


class Progress:
    """Progress of an install: one rewritten line on a terminal, an occasional line elsewhere."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.doing = ""
        self.begun = time.monotonic()
        self.last = self.begun
        self.live = sys.stderr.isatty()

    def look(self, line: str) -> None:
        """Update the progress from a line that pip or uv printed."""
        if line.startswith(("Collecting ", "Processing ", "Requirement already satisfied")):
            self.seen = min(self.total, self.seen + 1)
            self.doing = f"{self.seen} of {self.total} packages"
        elif line.startswith("Downloading "):  # uv, for large packages; pip indents the word
            self.doing = f"downloading {line.split(None, 1)[1].strip()}"[:60]
        elif line.startswith(("Prepared ", "Installing collected packages")):
            self.doing = f"unpacking {self.total} packages"

    def tick(self) -> None:
        now = time.monotonic()
        if now - self.last < (1.0 if self.live else TICK_S):
            return
        self.last = now
        doing = f"{self.doing}, " if self.doing else ""
        text = f"walkaway: installing, {doing}{now - self.begun:.0f} s"
        print(
            f"\r{text}\033[K" if self.live else text,
            end="" if self.live else "\n",
            file=sys.stderr,
            flush=True,
        )

    def end(self) -> None:
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def run(argv: Sequence[str], log: IO[bytes], lock: int, progress: Progress) -> bool:
    """Run one step with its output in the log. Return whether it succeeded.

    The step inherits the lock. If this process is killed, the next make still waits for the
    installer that it left behind, instead of installing beside it.
    """
    log.write(f"$ {' '.join(argv)}\n".encode())
    log.flush()
    environment = {
        name: value
        for name, value in os.environ.items()
        # These settings would install somewhere other than .venv.
        if name not in {"PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    }
    environment.update(PIP_NO_INPUT="1", UV_PYTHON_DOWNLOADS="never", VIRTUAL_ENV=str(VENV))
    with subprocess.Popen(
        argv,
        cwd=str(ROOT),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(lock,),
    ) as step:
        try:
            follow(step, log, progress)
        except BaseException:
            step.terminate()
            raise
    return step.returncode == 0


def follow(step: subprocess.Popen[bytes], log: IO[bytes], progress: Progress) -> None:
    if step.stdout is None:  # PIPE was asked for
        raise AssertionError
    pipe = step.stdout.fileno()
    while True:
        readable, _, _ = select.select([pipe], [], [], 1.0)
        if readable:
            block = os.read(pipe, 65536)
            if not block:
                return
            log.write(block)
            log.flush()
            for line in block.decode(errors="replace").splitlines():
                progress.look(line)
        progress.tick()


def base_python() -> str:
    """Return the interpreter to make .venv from, even when this one runs in a venv itself."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def install_argv(uv: str | None) -> list[str]:
    head = (
        [uv, "pip", "install", "--python", str(VENV_PYTHON)]
        if uv
        # Compiling all files of mypy, pip and others would cost 2 s; Python does it on use.
        else [str(VENV_PYTHON), "-m", "pip", "install", "--no-compile", "--retries=2"]
    )
    # The lock is complete, so nothing needs to be resolved.
    return [*head, "--require-hashes", "--no-deps", "--requirement", INSTALLED]


def compile_argv() -> list[str]:
    return [str(VENV_PYTHON), "-m", "compileall", "-q", "-j", "0", str(VENV / "lib")]


def make_argv(uv: str | None) -> list[str]:
    if uv:
        return [uv, "venv", "--no-project", "--allow-existing", "--python", base_python(), ".venv"]
    return [base_python(), "-m", "venv", ".venv"]


def require_ensurepip() -> None:
    spec = importlib.util.find_spec("ensurepip")
    if spec is None or spec.origin is None:  # an empty folder of that name has no origin
        version = "{}.{}".format(*sys.version_info[:2])
        raise BootstrapError(
            f"{base_python()} cannot make virtual environments: its module ensurepip is missing.\n"
            f"On Debian or Ubuntu: apt-get install python{version}-venv\n"
            "Then run the same command again.",
        )


def explain(log: str) -> str:
    """Return why an install failed, from pip's or uv's output, in at most three lines."""
    shown = LOG.relative_to(ROOT)
    if HASH_TROUBLE in log or "Hash mismatch" in log:
        return (
            "a package is not the one that requirements-dev.txt was made with (hash mismatch).\n"
            f"A mirror may have changed it, or a download broke: {shown} names it."
        )
    if NETWORK_TROUBLE.search(log):
        return (
            "no package index can be reached, and .venv needs one once.\n"
            "Connect, or name a proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL), and run the\n"
            f"same command again. pip's words: {shown}"
        )
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")] or lines[-1:]
    last = errors[-1][:200] if errors else "no output"
    return f"the packages of {INSTALLED} cannot be installed: {last}\nAll of it: {shown}"


def usable_version() -> str | None:
    """Return Python's version in a .venv that can be updated in place; None if it must be made."""
    version = None if UNFINISHED.exists() else venv_version()
    if version is not None and tuple(map(int, version.split("."))) < OLDEST:
        raise BootstrapError(
            f".venv has Python {version}; walkaway needs 3.11 or newer.\n"
            "Move .venv away or delete it, then run the same command again.",
        )
    known = STAMP.exists() or UNFINISHED.exists() or (VENV / "pyvenv.cfg").exists()
    if version is None and not known and any(not e.name.startswith(OURS) for e in VENV.iterdir()):
        raise BootstrapError(
            ".venv is there, but is no virtual environment.\n"
            "Move it away, then run the same command again.",
        )
    return version


def install(lock: int) -> None:
    """Make .venv or update it, in place where possible: a running test run may be using it."""
    fresh = usable_version() is None
    uv = shutil.which("uv")
    if uv is None:
        ours = VENV / "bin" / "uv"
        if not fresh and ours.exists():
            uv = str(ours)
        else:
            require_ensurepip()
    UNFINISHED.touch()
    STAMP.unlink(missing_ok=True)
    text = (ROOT / INSTALLED).read_text(encoding="utf-8")
    progress = Progress(len(re.findall(r"^[\w.-]+==", text, re.MULTILINE)))
    what = "making .venv: once" if fresh else "bringing .venv up to date"
    say(f"{what}, {progress.total} package{'' if progress.total == 1 else 's'}")
    with LOG.open("wb") as log:
        done = any(
            all(run(argv, log, lock, progress) for argv in steps(tool, fresh=fresh))
            for tool in dict.fromkeys([uv, None])
        )
        if done and os.environ.get("PYTHONDONTWRITEBYTECODE"):
            # In this case Python does not compile on use, so each start would compile everything
            # that it imports. Files of a package that are for another Python fail to compile, which
            # is fine.
            run(compile_argv(), log, lock, progress)
    progress.end()
    if not done:
        raise BootstrapError(explain(LOG.read_text(encoding="utf-8", errors="replace")))
    version = venv_version()
    if version is None:
        raise BootstrapError(f"{VENV_PYTHON} does not run; see {LOG.relative_to(ROOT)}")
    write_stamp(version)
    UNFINISHED.unlink()
    say(f".venv is ready ({time.monotonic() - progress.begun:.1f} s)")


def steps(uv: str | None, *, fresh: bool) -> Iterator[Sequence[str]]:
    """Yield the commands to run, one after the other: with uv, or with venv and pip."""
    if fresh:
        clear()
        yield make_argv(uv)
    elif uv is None and not any(VENV.glob("lib/python*/site-packages/pip/__main__.py")):
        yield [str(VENV_PYTHON), "-m", "ensurepip"]
    yield install_argv(uv)


def write_stamp(version: str) -> None:
    temporary = STAMP.with_name(f"{STAMP.name}.{os.getpid()}")
    temporary.write_text(stamp_text(version), encoding="ascii")
    temporary.replace(STAMP)


# Entry points


def newer_python() -> str | None:
    """Return a new enough Python on PATH, for when the running one is too old."""
    check = f"import sys; sys.exit(sys.version_info[:2] < {OLDEST})"
    for minor in range(15, OLDEST[1] - 1, -1):
        path = shutil.which(f"python3.{minor}")
        # pyenv has shims for inactive versions too, so only running one shows whether it works.
        if path and not subprocess.call(
            [path, "-c", check], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ):
            return path
    return None


def require_python() -> None:
    """Continue under a new enough Python, or fail if there is none."""
    if sys.version_info[:2] >= OLDEST:
        return
    newer = newer_python()
    if newer:
        os.execv(newer, [newer, *sys.argv])  # noqa: S606 - an argv list; there is no shell to want
    version = "{}.{}.{}".format(*sys.version_info[:3])
    raise BootstrapError(
        f"Python 3.11 or newer is needed; {sys.executable} is {version}, and PATH has none.\n"
        "Install one (Debian 12: apt-get install python3-venv), or name one:\n"
        "make PYTHON3=/path/to/python3.11",
    )


def bootstrap() -> None:
    if ready():
        with contextlib.suppress(OSError):
            os.utime(STAMP)  # for make: newer than locks that a checkout has only touched
        return
    require_python()
    begun = time.time()
    with locked() as lock:
        if ready():
            return
        if FAILED.exists() and FAILED.stat().st_mtime > begun:
            # The install that we waited for has just failed; 49 more attempts would not help.
            raise BootstrapError(FAILED.read_text(encoding="utf-8"))
        try:
            install(lock)
        except BootstrapError as error:
            FAILED.write_text(str(error), encoding="utf-8")
            raise


def main() -> NoReturn:
    try:
        bootstrap()
    except BootstrapError as error:
        say(str(error))
        sys.exit(NOT_STARTABLE)
    except OSError as error:
        say(f"cannot make .venv: {error}")
        sys.exit(NOT_STARTABLE)
    except KeyboardInterrupt:
        say("interrupted; the next make starts .venv afresh")
        sys.exit(CTRL_C)
    sys.exit(0)


if __name__ == "__main__":
    main()
