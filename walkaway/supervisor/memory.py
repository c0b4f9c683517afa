"""Whether the kernel killed somebody for want of memory at the moment pytest was killed."""

from __future__ import annotations

_RECENT_S = 3.0


class OutOfMemory:
    """Follows the machine's count of such kills (cgroup limits are counted in it too).

    The count does not say who died, so only a rise just before pytest's end speaks for it.
    """

    def __init__(self) -> None:
        self._first = _kills()
        self._samples: list[tuple[float, int]] = []

    def sample(self, now: float) -> None:
        """Note the count; call about once a second."""
        self._samples = [s for s in self._samples if now - s[0] < _RECENT_S][-8:]
        self._samples.append((now, _kills()))

    def just_now(self) -> bool:
        """Tell whether the count rose within the last seconds."""
        before = self._samples[0][1] if self._samples else self._first
        return _kills() > before

    def ever(self) -> bool:
        """Tell whether the count rose since the run began."""
        return _kills() > self._first


def _kills() -> int:
    try:
        with open("/proc/vmstat", "rb") as file:
            data = file.read()
    except OSError:
        return 0
    _, found, rest = data.partition(b"\noom_kill ")
    return int(rest.split(b"\n", 1)[0]) if found else 0
