"""Tests that close what pytest, xdist or the recorder works with."""

from tests.walkaway.hostile.case import Case, Ended

CASES = [
    Case(
        # With -s nothing of pytest is behind a descriptor; a worker's channel to xdist is.
        "closes-every-descriptor",
        "os.closerange(3, 4096)",
        spread=Ended(hostile="crashed"),
        args=("-s", "-p", "no:faulthandler"),
    ),
    Case(
        # pytest's capture is gone with its files: it fails each test from then on.
        "closes-the-capture-files",
        "os.closerange(3, 4096)",
        Ended(
            hostile="failed|error",
            after="failed|error",
            last="failed|error",
            elsewhere="failed|error",
        ),
        Ended(hostile="crashed"),
    ),
    Case(
        # pytest dies of the next line that it prints; xdist 3.8 of the worker that dies of it, and
        # with it whatever the other worker has not reported by then.
        "closes-stdin-stdout-stderr",
        "os.close(0); os.close(1); os.close(2)",
        Ended("incomplete 65", after="lost", last="lost", elsewhere="lost"),
        Ended(
            "internal-error 3", hostile="lost", after="lost", last="lost", elsewhere="passed|lost"
        ),
        bare_spread=3,
        args=("-s",),
    ),
    Case(
        # They are the capture's files: whatever runs after it cannot be captured.
        "closes-sys-stdout-and-stderr",
        "sys.stdout.close(); sys.stderr.close()",
        Ended(hostile="failed", after="error", last="error", elsewhere="error"),
        Ended(hostile="failed", after="error", last="error"),
        args=("-p", "no:faulthandler"),
    ),
    Case(
        "closes-every-file-object",
        """
        import io
        for one in gc.get_objects():
            if isinstance(one, io.IOBase):
                try:
                    one.close()
                except Exception:
                    pass
        """,
        Ended("incomplete 65", hostile="failed|lost", after="lost", last="lost", elsewhere="lost"),
        Ended(hostile="crashed"),
        args=("-s",),
    ),
    Case(
        "closes-the-event-loop-of-the-next-test",
        """
        import asyncio
        @pytest.mark.asyncio(loop_scope="module")
        async def test_hostile():
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.stop)
        """,
        args=("-p", "asyncio"),
    ),
]
