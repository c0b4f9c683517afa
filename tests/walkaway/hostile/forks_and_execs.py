"""Tests that fork, exec, leave processes behind, or turn on those around them."""

from tests.walkaway.hostile.case import Case, Ended

_GONE = Ended("crashed 65", hostile="crashed", after="lost", last="lost", elsewhere="lost")
_KILLED = Ended("killed 137", hostile="crashed", after="lost", last="lost", elsewhere="lost")

CASES = [
    Case(
        # The child runs the rest of the suite a second time; only the parent's results count.
        "forks-a-child-that-returns",
        "os.fork()",
        modes=("serial",),
    ),
    Case("forks-a-child-that-exits", "if os.fork() == 0: os._exit(0)"),
    Case(
        "forks-a-child-that-fails",
        "if os.fork() == 0: os._exit(3)\nassert os.wait()[1] == 0",
        Ended(hostile="failed"),
    ),
    Case(
        "forks-by-multiprocessing",
        """
        import multiprocessing
        child = multiprocessing.get_context("fork").Process(target=sys.exit, args=(0,))
        child.start()
        child.join()
        assert child.exitcode == 0
        """,
    ),
    Case(
        "leaves-a-daemon-behind",
        """
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                os.execv("/bin/sleep", ["sleep", "600"])
            os._exit(0)
        os.wait()
        """,
    ),
    Case(
        # Bare: the process goes on as another program that ends with 0, and nobody misses anything.
        "execs-a-program-that-succeeds",
        "os.execv('/bin/true', ['true'])",
        _GONE,
        Ended(hostile="crashed"),
        bare=0,
        bare_spread=1,
    ),
    Case(
        "execs-a-pytest-that-passes",
        """
        argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_other.py"]
        os.execv(sys.executable, argv)
        """,
        _GONE,
        Ended(hostile="crashed"),
        bare=0,
        bare_spread=1,
    ),
    Case(
        # As libfaketime's and seed plugins do: once, before the first test.
        "execs-itself-from-conftest",
        conftest="""
        if "AGAIN" not in os.environ:
            os.execve(sys.executable, sys.orig_argv, {**os.environ, "AGAIN": "1"})
        """,
    ),
    Case(
        "kills-its-process-group",
        "os.killpg(0, signal.SIGKILL)",
        _KILLED,
        # The controller goes with them: how far it had heard is chance.
        Ended(
            "killed 137",
            before="passed|crashed|lost",
            hostile="crashed|lost",
            after="lost",
            last="lost",
            elsewhere="passed|crashed|lost",
        ),
        bare=-9,
    ),
    Case(
        "kills-all-its-children",
        """
        subprocess.Popen(["sleep", "600"])
        for pid in open(f"/proc/self/task/{os.getpid()}/children").read().split():
            os.kill(int(pid), signal.SIGKILL)
        """,
    ),
]
