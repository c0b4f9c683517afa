"""Where pytest runs: as a child of the supervisor, or in a container of a Compose project."""

from __future__ import annotations

from walkaway.backends.backend import Backend, Deps


def of(deps: Deps) -> Backend:
    """Return the backend for a run."""
    wanted = deps.run.compose
    if wanted is not None:
        from walkaway.backends.compose import Compose

        return Compose(deps, wanted)
    from walkaway.backends.local import Local

    return Local(deps)
