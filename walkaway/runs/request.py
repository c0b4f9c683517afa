"""Turn options and arguments into the run to start: options are checked, arguments untouched."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from walkaway import settings
from walkaway.errors import WalkawayError
from walkaway.model import exit_codes
from walkaway.model.run import Origin, Run
from walkaway.runs import backend_choice as backend
from walkaway.runs import command
from walkaway.settings import Settings
from walkaway.worker_slots import worker_count as workers

MOST_SEED = 2**32 - 1
FORKS = "forks"
DISTS = ("load", "loadscope", "loadfile", "loadgroup", "worksteal", "each", "no", FORKS)
_INSIDE = ("pytest",)
"""The pytest command in a container: the image decides which it is."""
_NOTIFIERS = (
    ("notify-send", "--app-name=Walkaway", "Walkaway", "The tests have ended."),
    ("osascript", "-e", 'display notification "The tests have ended." with title "Walkaway"'),
)


@dataclass(frozen=True, slots=True)
class Options:
    """The flags of test and test-async, as typed; None or False when not given."""

    workers: str | None = None
    dist: str | None = None
    timeout: str | None = None
    stall: str | None = None
    fail_fast: bool = False
    last_failed: bool = False
    failed_first: bool = False
    notify: bool = False
    order_seed: str | None = None
    backend: str | None = None
    no_services: bool = False


def planned_run(  # noqa: PLR0913 - what a run is made of
    *,
    root: Path,
    cwd: Path,
    args: tuple[str, ...],
    options: Options,
    conf: Settings,
    environ: Mapping[str, str],
    origin: Origin,
    ci: bool = False,
) -> Run:
    """Return the run to start; `start` fills in its id, times and lock.

    Raises `WalkawayError` 64 for a bad option, 69 when the backend, pytest or the notifier for
    `--notify` is not available.
    """
    if options.backend is not None:
        settings.backend(options.backend, "--backend")
    place, fell_back = backend.choose(options.backend, conf, root, environ, ci=ci)
    extra = _pytest_options(options, conf, place)
    limits = conf.limits
    if options.timeout is not None:
        limits = limits._replace(deadline_s=settings.seconds(options.timeout, "--timeout"))
    if options.stall is not None:
        limits = limits._replace(stall_s=settings.seconds(options.stall, "--stall", zero=True))
    order: tuple[str, ...] = ()
    if options.order_seed is not None:
        order = ("--order-seed", seed(options.order_seed, "--order-seed"))
    folder = cwd if cwd.is_relative_to(root) else root
    if place == backend.COMPOSE:
        pytest: tuple[str, ...] = conf.pytest or _INSIDE
        note = ""
    else:
        pytest = command.find_pytest(conf.pytest, root, environ)
        note = command.environment_note(conf.pytest, pytest, root, environ)
    kept = backend.cache_option(root) if place == backend.COMPOSE else ()
    return Run(
        id="",
        root=str(root),
        cwd=str(folder),
        args=args,
        argv=command.build(pytest, (*kept, *extra), args),
        created_s=0.0,
        started_boot=0.0,
        label=shlex.join((*order, *_label_options(extra), *args)),
        origin=origin,
        limits=limits,
        parent=environ.get("WALKAWAY_RUN", ""),
        on_end=conf.on_end,
        notify=_notifier() if options.notify else (),
        ci=ci,
        order_seed=order[1] if order else "",
        worker_slots=workers.slots(conf.worker_slots),
        backend=place,
        fell_back=fell_back,
        python=note,
        named=options.backend is not None or conf.backend != backend.LOCAL,
        compose=(
            backend.compose(conf, args, environ, no_services=options.no_services)
            if place == backend.COMPOSE
            else None
        ),
    )


def building(  # noqa: PLR0913 - what a run is made of
    *,
    root: Path,
    conf: Settings,
    environ: Mapping[str, str],
    origin: Origin,
    no_cache: bool,
    pull: bool,
) -> Run:
    """Return a run that only builds the image; it is watched and waited for like any other.

    Raises `WalkawayError` 69 without an engine or a Compose file.
    """
    place = backend.choose(backend.COMPOSE, conf, root, environ, ci=False).backend
    options = [f"--{name}" for name, given in (("no-cache", no_cache), ("pull", pull)) if given]
    wish = backend.compose(conf, (), environ, no_services=True)
    return Run(
        id="",
        root=str(root),
        cwd=str(root),
        args=(),
        argv=("docker", "compose", "build", *options, conf.service),
        created_s=0.0,
        started_boot=0.0,
        label=shlex.join(("build", *options)),
        origin=origin,
        limits=conf.limits,
        parent=environ.get("WALKAWAY_RUN", ""),
        on_end=conf.on_end,
        backend=place,
        compose=wish._replace(only_build=True, no_cache=no_cache, pull=pull),
    )


def seed(value: str, name: str) -> str:
    """Check an order seed and return it in plain digits.

    Raises `WalkawayError` 64 unless it is also a valid PYTHONHASHSEED.
    """
    if re.fullmatch("[0-9]{1,10}", value) and int(value) <= MOST_SEED:
        return str(int(value))
    message = f"{name} is {value!r}: give a whole number from 0 to {MOST_SEED:,}."
    raise WalkawayError(message, exit_codes.WRONG_USE)


def _pytest_options(options: Options, conf: Settings, place: str) -> tuple[str, ...]:
    extra: list[str] = []
    count = conf.workers
    if options.workers is not None:
        count = settings.workers(options.workers, "--workers", empty=False)
    if count:
        here = count == "auto" and place == backend.LOCAL  # a container's own limits decide there
        count = str(workers.auto()) if here else count
    if options.dist is not None and options.dist not in DISTS:
        message = f"--dist is {options.dist!r}: give one of {', '.join(DISTS)}."
        raise WalkawayError(message, exit_codes.WRONG_USE)
    if options.dist == FORKS:
        if count == "0":
            message = "--dist forks with --workers 0: a run needs one worker or more."
            raise WalkawayError(message, exit_codes.WRONG_USE)
        auto = str(workers.auto()) if place == backend.LOCAL else "auto"
        extra += [*command.FORKS_PLUGIN, "--forks", count or auto]
    else:
        extra += ["-n", count] if count else []
        extra += ["--dist", options.dist] if options.dist else []
    chosen = (
        (options.fail_fast, "-x"),
        (options.last_failed, "--lf"),
        (options.failed_first, "--ff"),
    )
    return (*extra, *(flag for given, flag in chosen if given))


def _label_options(extra: tuple[str, ...]) -> tuple[str, ...]:
    """Return the options of a run's label: `--forks 2`, without the plugin that knows it."""
    plugin = command.FORKS_PLUGIN
    return extra[len(plugin) :] if extra[: len(plugin)] == plugin else extra


def _notifier() -> tuple[str, ...]:
    for argv in _NOTIFIERS:
        if shutil.which(argv[0]):
            return argv
    message = (
        "--notify needs notify-send or osascript, and neither is installed.\n"
        "Set walkaway.on_end in invoke.yaml to a command of your own."
    )
    raise WalkawayError(message, exit_codes.NOT_STARTABLE)
