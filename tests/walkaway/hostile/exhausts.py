"""Tests that leave the process without what it needs: descriptors, disk, memory, stack, time."""

from tests.walkaway.hostile.case import Case, Ended

CASES = [
    Case(
        "exhausts-descriptors",
        """
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
        global held
        held = []
        try:
            while True:
                held.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            pass
        """,
    ),
    Case(
        "allows-no-file-to-grow",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))",
        args=("-s",),
    ),
    Case(
        "allows-no-file-to-grow-captured",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\nprint('x' * 99)",
        Ended(hostile="failed"),
    ),
    Case(
        "allows-no-memory",
        """
        pages = int(open("/proc/self/statm").read().split()[0])
        limit = pages * resource.getpagesize() + (8 << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        bytes(100 << 20)
        """,
        Ended(hostile="failed"),
    ),
    Case(
        "allows-no-cpu-time",
        """
        spent = int(sum(os.times()[:2])) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (spent, spent + 60))
        while True: pass
        """,
        Ended("crashed 152", hostile="crashed", after="lost", last="lost", elsewhere="lost"),
        Ended(hostile="crashed"),
        bare=-24,
        bare_spread=1,
    ),
    Case(
        # Not even pytest's report of the failure fits.
        "allows-no-recursion",
        "sys.setrecursionlimit(len(__import__('inspect').stack()) + 12)",
        Ended(
            "internal-error 3",
            hostile="passed|failed|lost",
            after="passed|failed|error|lost",
            last="lost",
            elsewhere="lost",
        ),
        Ended(
            "internal-error 3",
            hostile="passed|failed|lost",
            after="passed|failed|error|lost",
            last="lost",
            elsewhere="passed|lost",
        ),
        bare=3,
    ),
    Case(
        "recurses-without-end",
        "def f(n): return f(n + 1)\nf(0)",
        Ended(hostile="failed"),
    ),
    Case(
        "says-ten-megabytes",
        "print('x' * 10_000_000)\nassert 0, 'y' * 5_000_000",
        Ended(hostile="failed"),
    ),
    Case(
        "leaves-300-threads",
        """
        global threads
        threads = [
            threading.Thread(target=time.sleep, args=(600,), daemon=True) for _ in range(300)
        ]
        for thread in threads:
            thread.start()
        """,
    ),
]
