"""Tests that replace, for good, what everybody after them calls."""

from tests.walkaway.hostile.case import Case, Ended

_BROKEN = "def broken(*args, **kwargs): raise RuntimeError('replaced for good')\n"

CASES = [
    Case("replaces-json-dumps", _BROKEN + "json.dumps = broken"),
    Case(
        "replaces-json-encoders",
        _BROKEN + "json.JSONEncoder.encode = broken\njson.encoder.encode_basestring_ascii = broken",
    ),
    Case("replaces-os-write", _BROKEN + "os.write = broken"),
    Case(
        # pytest's capture reads its files with them.
        "replaces-os-fstat-and-open",
        _BROKEN + "os.fstat = os.open = os.close = broken",
        Ended(hostile="failed", after="error", last="error", elsewhere="error"),
        Ended(hostile="failed", after="error", last="error"),
    ),
    Case(
        "replaces-the-clocks",
        _BROKEN + "time.monotonic = time.clock_gettime = time.monotonic_ns = broken",
    ),
    Case("replaces-builtins-open", _BROKEN + "builtins.open = broken"),
    Case(
        # Nothing goes on without it: pytest's process ends in a traceback.
        "replaces-builtins-getattr",
        _BROKEN + "builtins.getattr = broken",
        Ended("crashed 65", hostile="crashed", after="lost", last="lost", elsewhere="lost"),
        Ended(hostile="crashed"),
    ),
    Case("replaces-the-process-id", "os.getpid = lambda: 1"),
    Case(
        "empties-sys-modules",
        "sys.modules.clear()",
        Ended("incomplete 65", after="lost", last="lost", elsewhere="lost"),
        Ended("internal-error 3", after="lost", last="lost", elsewhere="passed|lost"),
        bare_spread=3,
    ),
    Case("empties-the-environment", "os.environ.clear()"),
    Case("empties-sys-path", "sys.path.clear(); os.chdir('/')"),
    Case(
        "stands-in-a-folder-that-is-gone",
        """
        import tempfile
        folder = tempfile.mkdtemp()
        os.chdir(folder)
        os.rmdir(folder)
        """,
    ),
    Case(
        "sets-the-clock-back",
        "time.time = time.monotonic = time.perf_counter = lambda: -1e9",
    ),
    Case("replaces-the-exit", "os._exit = sys.exit = lambda *args: None"),
    Case(
        "replaces-text-encoding",
        "import codecs\ncodecs.register_error('replace', lambda e: 1/0)",
    ),
    Case(
        "traces-and-raises",
        "def trace(*a): raise RuntimeError('trace')\nsys.setprofile(trace)",
        Ended(hostile="failed"),
    ),
]
