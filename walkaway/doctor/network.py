"""Check that an environment's containers can reach each other: names and health pages.

Asked from inside, by a short-lived container of the test service in an environment that is up.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from walkaway.doctor import NO_FILE, Around, Checked, Finding, judged, skipped, unknown
from walkaway.environment import engine, project_containers
from walkaway.environment.project import Project
from walkaway.environment.project_containers import ServiceState
from walkaway.errors import WalkawayError
from walkaway.text import many

_SUBJECT = "network"
_PROBE_S = 30.0
_LOOPBACK = re.compile(r"(https?)://(?:127\.0\.0\.1|localhost|0\.0\.0\.0)(:\d+)?([/\w.~%-]*)")
_SHELL = 'p=python3; command -v "$p" >/dev/null || p=python; exec "$p" -I -c "$0" "$@"'
PROBE = """\
import json, socket, sys, threading, urllib.error, urllib.request

answers, urls = {}, json.loads(sys.argv[1])
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ask(name, url):
    try:
        socket.getaddrinfo(name, None)
    except OSError as error:
        answers[name] = ["dns", str(error)]
        return
    if not url:
        answers[name] = ["name", ""]
        return
    try:
        with opener.open(url, timeout=5) as answer:
            answers[name] = ["http", answer.status]
    except urllib.error.HTTPError as error:
        answers[name] = ["http", error.code]
    except Exception as error:
        answers[name] = ["http", str(error)]


threads = [threading.Thread(target=ask, args=item, daemon=True) for item in urls.items()]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(12)
print("walkaway:" + json.dumps({name: answers.get(name, ["dns", "no answer"]) for name in urls}))
"""
"""Runs in the test image on any Python: resolves each name and requests each page, 5 s at most."""


def network(around: Around) -> Checked:
    """Check names and health pages from the test service's place in the network."""
    if not around.readable():
        return skipped(_SUBJECT, NO_FILE)
    try:
        project, names = _up(around)
        if not names:
            return skipped(_SUBJECT, "no environment is up: inv up, then try again")
        image = str(around.services()[around.conf.service].get("image") or "")
        argv = ("docker", "image", "inspect", image)
        if not image or engine.call(argv, around.environ).code:
            return skipped(_SUBJECT, "the test image is not there: inv build, then try again")
        return judge(_probed(around, project, pages(around, names)))
    except WalkawayError as error:
        return unknown(_SUBJECT, error.message.splitlines()[0], "inv health")


def _up(around: Around) -> tuple[Project, list[str]]:
    """Return the first environment with services that are up, and their names."""
    own = around.conf
    for slot in range(1, own.slots + 1):
        project = Project(around.root, slot, own.service, own.compose_file)
        rows = [
            row for row in project_containers.of(project.name, around.environ) if not row.one_off
        ]
        ready = [row for row in rows if row.standing(checked=False) is ServiceState.READY]
        if ready:
            return project, sorted({row.service for row in ready})
    return around.project, []


def pages(around: Around, names: list[str]) -> dict[str, str]:
    """Return each service's health page as other services see it; empty if it is not HTTP."""
    return {name: page(name, around.services().get(name, {})) for name in names}


def page(name: str, service: Mapping[str, Any]) -> str:
    """Take the page from the service's health check, or from a variable that the check uses."""
    health = json.dumps((service.get("healthcheck") or {}).get("test") or "")
    variables = (service.get("environment") or {}).items()
    used = [str(value) for key, value in variables if re.search(rf"\$\{{?{key}\b", health)]
    found = next(filter(None, map(_LOOPBACK.search, (health, *used))), None)
    return f"{found[1]}://{name}{found[2] or ''}{found[3] or '/'}" if found else ""


def _probed(around: Around, project: Project, urls: Mapping[str, str]) -> dict[str, list[Any]]:
    name = f"{project.name}-doctor-{os.getpid()}"
    words = ("run", "--rm", "-T", "--interactive=false", "--no-deps", "--name", name)
    shell = ("--entrypoint", "sh", project.service, "-c", _SHELL, PROBE, json.dumps(urls))
    environ = project.environ(around.environ)
    try:
        done = engine.call(project.compose(*words, *shell), environ, _PROBE_S, cwd=around.root)
    except WalkawayError:
        # Only the client was given up; the container that it started still runs.
        engine.call(("docker", "rm", "--force", name), around.environ)
        raise
    for line in done.out.splitlines():
        if line.startswith("walkaway:"):
            answers: dict[str, list[Any]] = json.loads(line.removeprefix("walkaway:"))
            return answers
    raise WalkawayError(f"the test service cannot be asked: {done.why}", 1)


def judge(answers: Mapping[str, list[Any]]) -> Checked:
    """Judge the probe's answers: by name `[dns, why]`, `[name, ""]`, or `[http, code or why]`."""
    findings, well = [], 0
    lost = sum(kind == "dns" for kind, _ in answers.values())
    for name, (kind, answer) in sorted(answers.items()):
        if kind == "dns":
            mend = "inv down    then: inv up"
            findings.append(Finding(f"{name} cannot be found by its name: {answer}", mend))
        elif kind == "http" and answer in range(200, 400):
            well += 1
        elif kind == "http":
            mend = f"inv service-logs --service {name}"
            findings.append(Finding(f"the health page of {name} answers {answer}", mend))
    says = f"{many(len(answers) - lost, 'service')} found by name, {many(well, 'health page')} well"
    return judged(_SUBJECT, says, findings, {"answers": dict(answers)})
