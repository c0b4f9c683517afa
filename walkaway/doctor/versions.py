"""Check that engine, Compose and buildx answer and are new enough."""

from __future__ import annotations

import re
from collections.abc import Mapping

from walkaway.doctor import Checked, Finding, Grade, judged
from walkaway.environment import engine
from walkaway.errors import WalkawayError

_ANSWER_S = 10.0
_VERSION = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
NEEDED: dict[str, tuple[tuple[str, ...], tuple[int, int], str]] = {
    "engine": (
        ("docker", "version", "--format", "{{.Server.Version}}"),
        (20, 10),
        "update Docker Engine (package docker-ce, docker.io, or Docker Desktop)",
    ),
    "Compose": (
        ("docker", "compose", "version", "--short"),
        (2, 22),  # for `pull --policy`, docker/compose#10981
        "install the Compose plugin (package docker-compose-plugin or docker-compose-v2)",
    ),
    "buildx": (
        ("docker", "buildx", "version"),
        (0, 10),
        "install the buildx plugin (package docker-buildx-plugin or docker-buildx)",
    ),
}
_START = "sudo systemctl start docker    (without systemd: start dockerd, or Docker Desktop)"


def versions(environ: Mapping[str, str]) -> Checked:
    """Ask each for its version."""
    answers = {}
    for name, (argv, _, _) in NEEDED.items():
        try:
            done = engine.call(argv, environ, _ANSWER_S)
        except WalkawayError:
            answers[name] = ""
        else:
            answers[name] = done.out.strip() if done.code == 0 else ""
    return judge(answers)


def judge(answers: Mapping[str, str]) -> Checked:
    """Compare each version with what is needed. An empty version means that it is not installed."""
    shown, findings = [], []
    facts = {}
    for name, (_, least, mend) in NEEDED.items():
        found = _VERSION.search(answers[name])
        needed = f"{least[0]}.{least[1]} or newer is needed"
        facts[name] = found[0] if found else ""
        shown.append(f"{name} {found[0]}" if found else f"no {name}")
        if found is None:
            findings.append(Finding(f"there is no {name}: {needed}", mend))
        elif (int(found[1]), int(found[2])) < least:
            findings.append(Finding(f"{name} {found[0]} is too old: {needed}", mend))
    return judged("versions", ", ".join(shown), findings, facts)


def silent(why: str, *, needed: bool, falls_back: bool = False) -> Checked:
    """Return what it means that the engine does not answer.

    With ``falls_back``, a start would prefer the engine but runs the tests locally without it.
    """
    if not needed:
        says = "not asked: the tests run without it"
        if falls_back:
            says = "does not answer: test-async runs the tests locally; ci, up and build need it"
        return Checked("engine", f"{says} ({why})", (), Grade.SKIPPED)
    mend = _START
    if why == engine.NOT_THERE:
        mend = "install Docker (Engine 20.10, Compose 2.22, buildx 0.10 or newer)"
    elif "permission" in why.lower():
        mend = 'sudo usermod -aG docker "$USER"    then log in again'
    says = f"it does not answer: {why}"
    return judged("engine", says, [Finding(says, mend)])
