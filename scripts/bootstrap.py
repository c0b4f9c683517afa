"""Make .venv from requirements-dev.txt, or bring it up to date. `make` calls it.

Standard library only. Writes nothing outside .venv, prints nothing when there is nothing to do, and
never prints on stdout. Exit codes: 0 ready, 69 .venv cannot be made (with what to do about it), 130
interrupted.

Files in .venv:
    `.walkaway-stamp`: the lock and the Python that the finished .venv was made from.
    `.walkaway-unfinished`: exists during an install, and after a failed one with the reason;
        the next install starts afresh.
    `.walkaway-install.log`: output of the install.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

if sys.version_info < (3, 11):  # noqa: UP036 - whoever calls it without make
    sys.exit(f"walkaway: Python 3.11 or newer is needed; this is {sys.version.split()[0]}")

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = "requirements-dev.txt"
VENV = ROOT / ".venv"
VENV_PYTHON = str(VENV / "bin" / "python")
OURS = ".walkaway-"
STAMP = VENV / ".walkaway-stamp"
UNFINISHED = VENV / ".walkaway-unfinished"
LOG = VENV / ".walkaway-install.log"
OLDEST = (3, 11)
NOT_STARTABLE = 69
CTRL_C = 130
"""As in walkaway.model.exit_codes, which cannot be imported before .venv is there."""
TICK_S = 10.0
"""Seconds between two progress lines."""

# `python3` may be that of an activated .venv, which an install may have to remove.
BASE_PYTHON = str(getattr(sys, "_base_executable", None) or sys.executable)

# pip 23 and pip 26, uv.
WRONG_HASH = re.compile("DO NOT MATCH THE HASHES|Hash mismatch")
NO_NETWORK = re.compile(
    "onnection broken|Failed to connect|connection-(failed|timeout)|[Tt]imed out"
    "|dns error|error sending request"
)


def say(text: str) -> None:
    print(f"walkaway: {text}", file=sys.stderr, flush=True)


def fail(text: str) -> NoReturn:
    say(text)
    sys.exit(NOT_STARTABLE)


def venv_version() -> str:
    """Return the version (`3.11`) that .venv's Python reports; empty if none runs."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.check_output(
            [VENV_PYTHON, "-I", "-c", code], stderr=subprocess.DEVNULL, text=True
        ).strip()
    return ""


def stamp_text() -> str:
    digest = hashlib.sha256((ROOT / REQUIREMENTS).read_bytes()).hexdigest()
    return f"{digest} {venv_version()}\n"


def ready() -> bool:
    with contextlib.suppress(OSError):
        return not UNFINISHED.exists() and STAMP.read_text(encoding="utf-8") == stamp_text()
    return False


def prepare() -> bool:
    """Return whether .venv must be made afresh. Fail where it is not ours or cannot be made."""
    VENV.mkdir(exist_ok=True)
    version = "" if UNFINISHED.exists() else venv_version()
    if version and tuple(map(int, version.split("."))) < OLDEST:
        fail(
            f".venv has Python {version}; walkaway needs 3.11 or newer.\n"
            "Move .venv away or delete it, then run the same command again.",
        )
    known = version or UNFINISHED.exists() or (VENV / "pyvenv.cfg").exists()
    if not known and any(not entry.name.startswith(OURS) for entry in VENV.iterdir()):
        fail(
            ".venv is there, but is no virtual environment.\n"
            "Move it away, then run the same command again.",
        )
    ensurepip = importlib.util.find_spec("ensurepip")  # an empty folder has no origin
    if not version and not shutil.which("uv") and not (ensurepip and ensurepip.origin):
        fail(
            f"{BASE_PYTHON} cannot make virtual environments: its module ensurepip is missing.\n"
            f"On Debian or Ubuntu: apt-get install python3.{sys.version_info[1]}-venv\n"
            "Then run the same command again.",
        )
    return not version


def steps(uv: str | None, *, fresh: bool) -> Iterator[list[str]]:
    """Yield the commands to run, one after the other: with uv, or with venv and pip."""
    for entry in VENV.iterdir() if fresh else ():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif not entry.name.startswith(OURS):
            entry.unlink()
    # The lock is complete, so nothing needs to be resolved.
    locked = ["--require-hashes", "--no-deps", "--requirement", REQUIREMENTS]
    if uv:
        if fresh:
            yield [uv, "venv", "--no-project", "--allow-existing", "-p", BASE_PYTHON, ".venv"]
        yield [uv, "pip", "install", "-p", VENV_PYTHON, *locked]
        return
    if fresh:
        yield [BASE_PYTHON, "-m", "venv", ".venv"]
    elif not any(VENV.glob("lib/python*/site-packages/pip/__main__.py")):
        yield [VENV_PYTHON, "-m", "ensurepip"]
    # Python compiles on use, unless it must not: a third less CPU.
    compiled = [] if os.environ.get("PYTHONDONTWRITEBYTECODE") else ["--no-compile"]
    yield [VENV_PYTHON, "-m", "pip", "install", "--retries=2", *compiled, *locked]


def run(argv: list[str], lock: int) -> bool:
    """Run one step with its output in the log. Return whether it succeeded.

    The step inherits the lock. If this process is killed, the next make waits for the installer
    that it left behind, instead of installing beside it.
    """
    # These settings would install somewhere other than .venv.
    elsewhere = {"PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX"}
    env = {name: value for name, value in os.environ.items() if name not in elsewhere}
    env.update(PIP_NO_INPUT="1", PIP_PROGRESS_BAR="off")
    if env.get("PYTHONDONTWRITEBYTECODE"):  # else Python compiles on use
        env["UV_COMPILE_BYTECODE"] = "1"
    with LOG.open("a", encoding="utf-8") as log:
        print("$", *argv, file=log, flush=True)
        try:
            step = subprocess.run(
                argv,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[lock],
                check=False,
            )
        except OSError as error:  # the uv of an unfinished .venv went with it
            print(error, file=log)
            return False
    return step.returncode == 0


def log_text() -> str:
    return LOG.read_text(encoding="utf-8", errors="replace").strip()


def report_progress(begun: float) -> None:
    while True:
        time.sleep(TICK_S)
        doing = log_text().rpartition("\n")[2].strip()
        say(f"installing, {time.monotonic() - begun:.0f} s: {doing[:70]}")


def reason() -> str:
    """Return why the install failed, from pip's or uv's output."""
    text = log_text()
    if WRONG_HASH.search(text):
        meaning = f"a package is not the one that {REQUIREMENTS} was made with (hash mismatch)."
    elif NO_NETWORK.search(text):
        meaning = (
            "no package index can be reached, and .venv needs one once. Connect, or name\n"
            "a proxy (HTTPS_PROXY) or a mirror (PIP_INDEX_URL), and run the same command again."
        )
    else:
        errors = re.findall(r"(?im)^\W*(error.*)", text) or text.splitlines()
        meaning = f"the packages of {REQUIREMENTS} cannot be installed: {errors[-1][:200]}"
    return f"{meaning}\nAll of it: {LOG.relative_to(ROOT)}"


def install(lock: int) -> None:
    """Make .venv, or update it in place where possible: a running test run may be using it."""
    fresh = prepare()
    begun = time.monotonic()
    UNFINISHED.write_text("", encoding="utf-8")
    STAMP.unlink(missing_ok=True)
    LOG.write_text("", encoding="utf-8")
    count = (ROOT / REQUIREMENTS).read_text(encoding="utf-8").count("==")
    what = "making .venv: once" if fresh else "bringing .venv up to date"
    say(f"{what}, {count} package{'s' * (count != 1)}")
    threading.Thread(target=report_progress, args=[begun], daemon=True).start()
    # The two read different settings for mirrors and proxies.
    tools = dict.fromkeys([shutil.which("uv"), None])
    if not any(all(run(argv, lock) for argv in steps(tool, fresh=fresh)) for tool in tools):
        UNFINISHED.write_text(reason(), encoding="utf-8")
        fail(UNFINISHED.read_text(encoding="utf-8"))
    STAMP.write_text(stamp_text(), encoding="utf-8")
    UNFINISHED.unlink()
    say(f".venv is ready ({time.monotonic() - begun:.1f} s)")


def bootstrap() -> None:
    if ready():
        if os.access(STAMP, os.W_OK):
            os.utime(STAMP)  # for make: newer than a lock that was only touched
        return
    begun = time.time()
    # The checkout itself: a file in .venv can be deleted while it is held.
    lock = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting for another make that is making .venv")
        fcntl.flock(lock, fcntl.LOCK_EX)
    if ready():
        return
    if UNFINISHED.exists() and UNFINISHED.stat().st_mtime > begun:
        failure = UNFINISHED.read_text(encoding="utf-8")
        if failure:  # of the install that we waited for: 49 more attempts would not help
            fail(failure)
    install(lock)


if __name__ == "__main__":
    try:
        bootstrap()
    except OSError as error:
        fail(f"cannot make .venv: {error}")
    except KeyboardInterrupt:
        say("interrupted; the next make starts .venv afresh")
        sys.exit(CTRL_C)
