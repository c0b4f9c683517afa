"""Plant faults in the product, one at a time, and see whether its tests find them.

    .venv/bin/python bench/planted_faults.py                      all of them
    .venv/bin/python bench/planted_faults.py term-before-int      only these; --list names them
    .venv/bin/python bench/planted_faults.py --suite ../other     in another checkout, its tests

Works on a copy of the checkout in a temporary folder. For each fault the tests that are most likely
to find it run first, then the rest of its room's. Exit codes: 0 every fault was found, 1 one was
missed, 2 the tests fail without any fault, 64 wrong use, 65 a fault does not fit the checkout.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from measure import ROOT
from planted import FAULTS
from planted.fault import Fault

MISSED, RED, WRONG_USE, DOES_NOT_FIT = 1, 2, 64, 65
NO_TESTS = 5
_BROKEN = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
_SKIPPED = re.compile(r"^engine tests skipped: .*", re.MULTILINE)
_FOREIGN = ("PYTEST_", "PYTHONPATH", "PYTHONDONT", "WALKAWAY_R", "VIRTUAL_ENV", "MAKE")
"""Variables of this process that would change what the tests do."""
_LEND = """\
from pathlib import Path
from tests.walkaway.support.checkout import Checkout, lend_venv
lend_venv(Checkout(Path.cwd()))
"""
_WHOSE = """\
import sys
import tests.walkaway.support.project, walkaway.runs.start
print(*(m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)), sep="\\n")
"""
_IMAGE = "from tests.walkaway.support import engine; print(engine.test_image_name())"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one fault. ``by``: the test that found it, empty when none did."""

    fault: Fault
    by: str
    seconds: float
    note: str = ""

    @property
    def line(self) -> str:
        """One line for people."""
        word = f"found by {self.by}" if self.by else "MISSED"
        note = f" ({self.note})" if self.note else ""
        return f"{self.fault.room}/{self.fault.name}: {word} in {self.seconds:.1f} s{note}"


class Unfit(Exception):  # noqa: N818 - what it is, not an error of ours
    """A fault cannot be planted in this checkout; the message says why."""


class Copy:
    """A copy of a checkout's files with an environment of its own, and what runs in it."""

    def __init__(self, source: Path, folder: Path, workers: int, timeout_s: float) -> None:
        self.root = folder / "checkout"
        self._source = source
        self._workers = workers
        self._timeout_s = timeout_s
        self._planted = 0
        temporary = folder / "t"  # short: tests make sockets in it
        temporary.mkdir()
        self._environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith(_FOREIGN)},
            "TMPDIR": str(temporary),
        }

    def make(self) -> None:
        """Copy what git tracks or would track, make it a repository, and lend it a .venv."""
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],
            cwd=self._source, capture_output=True, check=True,
        ).stdout  # fmt: skip
        for name in listed.decode().split("\0"):
            if name and (self._source / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self._source / name, self.root / name)
        me = ("-c", "user.name=bench", "-c", "user.email=bench@example.com")
        for words in (("init", "-q"), ("add", "-A"), (*me, "commit", "-q", "-m", "copy")):
            subprocess.run(["git", *words], cwd=self.root, check=True)
        python = self._source / ".venv" / "bin" / "python"
        if not python.exists():
            python = Path(sys.executable)
        subprocess.run([python, "-c", _LEND], cwd=self.root, env=self._environ, check=True)
        self._refuse_other_modules()

    def _refuse_other_modules(self) -> None:
        """Fail when the copy's tests would import a module of the original checkout."""
        asked = [self._python, "-c", _WHOSE]
        found = subprocess.run(
            asked, cwd=self.root, env=self._environ, check=True, capture_output=True, text=True
        ).stdout.split("\n")
        packages = f"{self._source / '.venv'}{os.sep}"
        for checkout in {self._source, ROOT}:
            wrong = [f for f in found if f.startswith(f"{checkout}{os.sep}") and packages not in f]
            if wrong:
                raise SystemExit(f"the copy imports {wrong[0]}")

    @property
    def _python(self) -> str:
        return str(self.root / ".venv" / "bin" / "python")

    def fits(self, fault: Fault) -> None:
        """Check that a fault can be planted, leaves Python that compiles, and has tests here."""
        path = self.root / fault.file
        text = path.read_text(encoding="utf-8") if path.is_file() else None
        if text is None:
            raise Unfit(f"{fault.name}: there is no {fault.file}")
        count = text.count(fault.old)
        if count != 1:
            raise Unfit(f"{fault.name}: its text occurs {count} times in {fault.file}")
        if not self.there((*fault.first_tests, *fault.room_tests)):
            raise Unfit(f"{fault.name}: there are no tests of {fault.room}")
        if path.suffix == ".py":
            try:
                compile(text.replace(fault.old, fault.new), fault.file, "exec", dont_inherit=True)
            except SyntaxError as error:
                raise Unfit(f"{fault.name}: {fault.file}:{error.lineno}: {error.msg}") from error

    def there(self, paths: Iterable[str]) -> list[str]:
        """Return the test paths that this checkout has: of a test that is gone, its file."""
        found: dict[str, None] = {}
        for path in paths:
            name, _, test = path.partition("::")
            if (self.root / name).exists():
                has = test and f"def {test}(" in (self.root / name).read_text(encoding="utf-8")
                found[path if has else name] = None
        return list(found)

    @contextlib.contextmanager
    def planted(self, fault: Fault) -> Iterator[None]:
        """Plant a fault, and put the file back as it was."""
        path = self.root / fault.file
        before, status = path.read_bytes(), path.stat()
        text = before.decode()
        self._planted += 1
        try:
            path.write_text(text.replace(fault.old, fault.new), encoding="utf-8")
            # Bytecode is valid for a time in whole seconds and a size: give each fault its own.
            now = int(status.st_mtime) + 2 * self._planted
            os.utime(path, (now, now))
            yield
        finally:
            path.write_bytes(before)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def pytest(self, paths: Sequence[str], *options: str) -> tuple[int | None, str]:
        """Run tests until the first failure; return the exit code and the output.

        The code is None when no test ended for the time limit. Ends whatever the tests started.
        """
        argv = [self._python, "-m", "pytest", "-x", "-q", "-p", "no:randomly", "--tb=no", "-rfE"]
        one = len(paths) == 1 and "::" in paths[0]
        argv += ["-n", str(0 if one else self._workers), "-m", "not soak", *options, *paths]
        with tempfile.TemporaryFile() as out:
            process = subprocess.Popen(
                argv, cwd=self.root, env=self._environ, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            try:
                code = self._ended(process, out.fileno())
            finally:
                self.end_all()
                process.wait()
            out.seek(0)
            return code, out.read().decode(errors="replace")

    def _ended(self, process: subprocess.Popen[bytes], out: int) -> int | None:
        """Wait for pytest's end; None when it has printed nothing for the time limit."""
        size, since = 0, time.monotonic()
        while time.monotonic() - since < self._timeout_s:
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(1.0)
            if os.fstat(out).st_size != size:
                size, since = os.fstat(out).st_size, time.monotonic()
        return None

    def end_all(self) -> None:
        """Kill every process that belongs to the copy, until none is left."""
        while found := [pid for pid in _pids() if self._is_ours(pid)]:
            for pid in found:
                with contextlib.suppress(OSError):
                    fd = os.pidfd_open(pid)
                    if self._is_ours(pid):  # still the same one: the descriptor holds its PID
                        signal.pidfd_send_signal(fd, signal.SIGKILL)
                    os.close(fd)
            time.sleep(0.05)

    def _is_ours(self, pid: int) -> bool:
        """Return whether a live process names the copy in its command line or environment."""
        mark = os.fsencode(self.root.parent)
        with contextlib.suppress(OSError):
            folder = Path(f"/proc/{pid}")
            if mark in (folder / "cmdline").read_bytes():
                return True
            return mark in (folder / "environ").read_bytes()
        return False

    def remove_from_engine(self) -> None:
        """Remove the copy's test image, and what Compose projects in its folder have left."""
        if shutil.which("docker") is None:
            return
        for kind, *force in (("container", "--force", "--volumes"), ("network",)):
            label = '{{.Label "com.docker.compose.project.working_dir"}}'
            words = ["docker", kind, "ls", "--format", f"{{{{.ID}}}} {label}"]
            words += ["--all"] if kind == "container" else []
            listed = subprocess.run(words, capture_output=True, text=True, check=False).stdout
            rows = [line.partition(" ") for line in listed.splitlines()]
            ours = [row[0] for row in rows if row[2].startswith(str(self.root.parent))]
            if ours:
                subprocess.run(["docker", kind, "rm", *force, *ours], check=False,
                               capture_output=True)  # fmt: skip
        image = subprocess.run(
            [self._python, "-c", _IMAGE], cwd=self.root, env=self._environ, capture_output=True,
            text=True, check=False,
        ).stdout.strip()  # fmt: skip
        if image:
            subprocess.run(["docker", "image", "rm", image], check=False, capture_output=True)


def _pids() -> list[int]:
    names = (path.name for path in Path("/proc").iterdir())
    return [int(name) for name in names if name.isdigit() and int(name) != os.getpid()]


def attempt(copy: Copy, fault: Fault, *, confirm: bool, first_only: bool) -> Outcome:
    """Plant a fault and run its tests; with ``confirm``, see that what found it passes without."""
    begun = time.monotonic()
    first = copy.there(fault.first_tests)
    steps: list[tuple[list[str], list[str]]] = [(first, [])] if first else []
    # pytest would not keep the order of overlapping paths, so the room's rest is a second run.
    rest = [path for path in copy.there(fault.room_tests) if path not in first]
    if rest and not (first and first_only):
        steps.append((rest, [f"--deselect={path}" for path in first]))
    by = note = ""
    with copy.planted(fault):
        for paths, options in steps:
            code, out = copy.pytest(paths, *options)
            by = _found_by(code, out)
            skipped = _SKIPPED.search(out)
            note = skipped[0] if skipped and not by else note
            if by:
                break
    seconds = time.monotonic() - begun
    if confirm and "::" in by and copy.pytest([by])[0] in {None, 1}:
        return Outcome(fault, "", seconds, f"{by} fails without it, too")
    return Outcome(fault, by, seconds, note)


def _found_by(code: int | None, out: str) -> str:
    """Return what found a fault: a test, or how pytest ended; empty when all tests passed."""
    if code is None:
        return "timeout"
    if code in {0, NO_TESTS}:
        return ""
    broken = _BROKEN.search(out)
    last = out.strip().splitlines()[-1:] or ["no output"]
    return broken[1] if broken else f"pytest's exit code {code}: {last[0][:120]}"


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield a row a room: faults, found, seconds; then what was missed."""
    rooms = dict.fromkeys(outcome.fault.room for outcome in outcomes)
    yield f"{'room':22} {'faults':>6} {'found':>6} {'seconds':>8}"
    for room in (*rooms, "all"):
        rows = [one for one in outcomes if room in {one.fault.room, "all"}]
        seconds = sum(one.seconds for one in rows)
        yield f"{room:22} {len(rows):6} {sum(bool(one.by) for one in rows):6} {seconds:8.0f}"
    for one in outcomes:
        if not one.by:
            yield f"missed: {one.fault.room}/{one.fault.name}: {one.fault.harm}"


def is_green(copy: Copy, faults: Sequence[Fault]) -> bool:
    """Run all tests that the faults name, without a fault; say which fail."""
    paths = [path for fault in faults for path in (*fault.first_tests, *fault.room_tests)]
    there = copy.there(dict.fromkeys(paths))
    code, out = copy.pytest(there)
    if code == 0:
        return True
    print(f"without any fault: {_found_by(code, out)}", file=sys.stderr)
    return False


def chosen(names: Sequence[str]) -> list[Fault]:
    """Return the faults with these names or in these rooms; all when there are none."""
    found = [f for f in FAULTS if not names or f.name in names or f.room in names]
    strangers = set(names) - {f.name for f in found} - {f.room for f in found}
    if strangers:
        print(f"no fault or room {', '.join(sorted(strangers))}; see --list", file=sys.stderr)
        sys.exit(WRONG_USE)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a fault or a room")
    parser.add_argument(
        "--suite", type=Path, default=ROOT, help="another checkout to plant them in"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--timeout", type=float, default=300.0, help="seconds without a test's end: it hangs"
    )
    parser.add_argument(
        "--first-only", action="store_true", help="not the rest of the room's tests"
    )
    parser.add_argument(
        "--no-baseline", action="store_true", help="do not run the tests without a fault before"
    )
    parser.add_argument(
        "--confirm", action="store_true", help="run what found a fault once more without it"
    )
    parser.add_argument("--fits", action="store_true", help="only see that each can be planted")
    parser.add_argument("--list", action="store_true", help="print the faults")
    options = parser.parse_args()
    faults = chosen(options.names)
    if options.list:
        for fault in faults:
            print(f"{fault.room}/{fault.name} ({fault.file})\n    {fault.harm}")
        return 0
    # End in good order, without what the tests have started, however we are told to.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="wpf-") as folder:
        copy = Copy(
            options.suite.resolve(), Path(folder).resolve(), options.workers, options.timeout
        )
        copy.make()
        try:
            return _all(copy, faults, options)
        finally:
            copy.end_all()
            copy.remove_from_engine()


def _all(copy: Copy, faults: Sequence[Fault], options: argparse.Namespace) -> int:
    unfit = []
    for fault in faults:
        try:
            copy.fits(fault)
        except Unfit as error:
            unfit.append(str(error))
    if unfit:
        print(*unfit, sep="\n", file=sys.stderr)
        return DOES_NOT_FIT
    if options.fits:
        print(f"{len(faults)} faults fit")
        return 0
    if not options.no_baseline and not is_green(copy, faults):
        return RED
    outcomes = []
    for fault in faults:
        found = attempt(copy, fault, confirm=options.confirm, first_only=options.first_only)
        outcomes.append(found)
        print(found.line, flush=True)
    print(*table(outcomes), sep="\n")
    return 0 if all(one.by for one in outcomes) else MISSED


if __name__ == "__main__":
    sys.exit(main())
