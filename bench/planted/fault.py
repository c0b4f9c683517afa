"""What a planted fault is, and which tests each room of the product has."""

from __future__ import annotations

from dataclasses import dataclass

_TESTS = "tests/walkaway"
ROOMS: dict[str, tuple[str, ...]] = {
    "model": ("model", "hunting", "runs"),
    "record": ("record", "runs", "supervisor"),
    "process": ("process", "supervisor", "tasks/test_starting.py"),
    "supervisor": ("supervisor",),
    "runs": ("runs", "tasks", "supervisor"),
    "backends": ("backends", "supervisor"),
    "environment": ("environment", "backends"),
    "docker": ("docker",),
    "doctor": ("doctor", "tasks/test_doctor.py"),
    "worker_slots": ("worker_slots", "tasks/test_queue.py"),
    "hunting": ("hunting", "tasks/test_hunt.py"),
    "tasks": ("tasks",),
    "views": ("views",),
    "upkeep": ("upkeep", "tasks/test_upkeep_tasks.py"),
    "scaffold": ("test_library.py",),
    "recorder": ("recorder", "supervisor", "hostile"),
    "forks": ("forks", "tasks/test_forks.py"),
    "isolation/databases": ("isolation/databases",),
    "isolation/factories": ("isolation/factories",),
    "isolation/leaks": ("isolation/leaks",),
    "isolation/logs": ("isolation/logs",),
    "isolation/memory": ("isolation/memory",),
    "isolation/redis": ("isolation/redis",),
    "isolation/spreading": ("isolation/spreading",),
    "isolation": ("isolation", "tasks/test_forks.py"),
    "settings": ("runs", "tasks/test_wrong_use.py"),
    "make": ("test_makefile.py", "test_scripts.py", "tasks/test_arguments.py"),
}
"""Test paths of each room, below tests/walkaway: what a fault in it should be found by."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake that somebody could make, as a replacement of text in one file."""

    name: str
    room: str
    file: str
    old: str
    """Occurs exactly once in the file."""
    new: str
    harm: str
    """What it would do to a user."""
    first: tuple[str, ...] = ()
    """Test paths below tests/walkaway to run before the room's: folders, files or `file::test`."""

    @property
    def room_tests(self) -> tuple[str, ...]:
        """The room's test paths, from the checkout's root."""
        return tuple(f"{_TESTS}/{path}" for path in ROOMS[self.room])

    @property
    def first_tests(self) -> tuple[str, ...]:
        """The paths to run first, from the checkout's root."""
        return tuple(f"{_TESTS}/{path}" for path in self.first)
