"""Check the Compose file: readable, with the test service; its memory, ports and build context."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from walkaway.doctor import (
    NO_FILE,
    Around,
    Checked,
    Finding,
    judged,
    skipped,
    unknown,
)
from walkaway.environment import context, image, ports
from walkaway.environment.project import PREFIX
from walkaway.errors import WalkawayError
from walkaway.text import many, size
from walkaway.worker_slots import worker_count

WORKER_BYTES = 256 * 1024 * 1024
USUAL_PORTS = (8000, 8001, 5432, 6379)
"""Usual ports of services, databases and caches. Their owners are only mentioned."""


def file(around: Around) -> Checked:
    """Check that Compose can read the file and that it has the test service."""
    subject = "Compose file"
    try:
        found = around.services()
    except WalkawayError as error:
        mend = "fix it, then: docker compose config --quiet"
        return judged(subject, "it cannot be read", [Finding(error.message, mend)])
    names = sorted(found)
    says = f"{many(len(names), 'service')}: {', '.join(names)}"
    service = around.conf.service
    findings = []
    if service not in found:
        mend = "add it, or name the one that pytest runs in: walkaway.service in invoke.yaml"
        findings.append(Finding(f"there is no service {service!r}, where pytest runs", mend))
    return judged(subject, says, findings, {"services": names})


def memory(around: Around) -> Checked:
    """Compare what the workers need with what the container and the machine have."""
    count = _workers(around.conf.workers)
    limit = total = 0
    if around.in_compose:
        if not around.readable():
            return skipped("memory", NO_FILE)
        limit = limit_bytes(around.services()[around.conf.service])
        try:
            total = int(around.info().get("memory") or 0)
        except WalkawayError as error:
            return unknown("memory", error.message.splitlines()[0], "docker info")
    return judge_memory(count, limit, total, worker_count.available_bytes(), around.conf.service)


def _workers(setting: str) -> int:
    return worker_count.auto() if setting == "auto" else max(1, int(setting or 1))


def limit_bytes(service: Mapping[str, Any]) -> int:
    """Return a service's memory limit in bytes; 0 means none."""
    deploy = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    given = str(service.get("mem_limit") or deploy.get("memory") or "0")
    return int(given) if given.isdigit() else 0


def judge_memory(
    count: int, limit: int, total: int, available: int, service: str = "test"
) -> Checked:
    """Judge the figures, in bytes. 0 means unknown, for ``limit`` none."""
    needed = count * WORKER_BYTES
    name = "1 worker wants" if count == 1 else f"{count} workers want"
    findings = []
    if limit and needed > limit:
        fit = max(1, limit // WORKER_BYTES)
        findings.append(
            Finding(
                f"{name} {size(needed)}, and service {service} may have {size(limit)}",
                f"raise mem_limit of {service} in the Compose file, or walkaway.workers: {fit}",
            )
        )
    if total and limit > total:
        findings.append(
            Finding(
                f"service {service} may have {size(limit)}, and the engine has {size(total)}",
                f"lower mem_limit of {service} in the Compose file to what is there",
            )
        )
    if available and needed > available:
        mend = "inv runs    shows what else runs; or fewer workers: walkaway.workers"
        text = f"{name} {size(needed)}, and {size(available)} are free on this machine"
        findings.append(Finding(text, mend))
    parts = [f"{name} {size(needed)}"]
    parts += [f"service {service} may have {size(limit)}"] if limit else []
    parts += [f"{size(available)} free here"] if available else []
    facts = {"workers": count, "limit": limit, "engine": total, "available": available}
    return judged("memory", ", ".join(parts), findings, facts)


def ports_in_use(around: Around) -> Checked:
    """Check who listens on the ports that the Compose file publishes, and on the usual ones."""
    subject = "ports"
    if not around.readable():
        return skipped(subject, NO_FILE)
    if not Path("/proc/net/tcp").exists():
        return skipped(subject, "who listens cannot be told here: there is no /proc")
    published = sorted({port for found in around.services().values() for port in _ports(found)})
    owners = {
        port: ports.owner(port, around.environ) for port in {*published, *USUAL_PORTS}
    }  # fmt: skip
    return judge_ports(published, owners, f"{PREFIX}-{around.project.checkout}-")


def _ports(service: Mapping[str, Any]) -> list[int]:
    given = [str(port.get("published") or "") for port in service.get("ports") or ()]
    return [int(port) for port in given if port.isdigit() and int(port)]


def judge_ports(published: list[int], owners: Mapping[int, str], ours: str) -> Checked:
    """Judge who has which port. ``ours`` is the name prefix of this checkout's containers.

    A port that one of our containers has is fine.
    """
    findings, taken = [], []
    for port, owner in sorted(owners.items()):
        if not owner or owner.startswith(f"container {ours}"):
            continue
        if port in published:
            findings.append(Finding(f"port {port} is taken by {owner}", _free(port, owner)))
        else:
            taken.append(f"{port} by {owner}")
    says = f"published: {', '.join(map(str, published))}" if published else "none is published"
    if taken:
        says += f"; taken, and no matter: {'; '.join(taken)}"
    facts = {str(port): owner for port, owner in sorted(owners.items()) if owner}
    return judged("ports", says, findings, {"published": published, "taken": facts})


def _free(port: int, owner: str) -> str:
    container = re.match(r"container (\S+)", owner)
    process = re.match(r"process (\d+)", owner)
    if container:
        return f"docker stop {container[1]}    or publish another port"
    if process:
        return f"kill {process[1]}    or publish another port"
    return f"sudo ss -ltnp 'sport = :{port}'    shows whose it is; or publish another port"


def build_context(around: Around) -> Checked:
    """Measure what is sent to the engine to build the test image."""
    subject = "build context"
    if not around.readable():
        return skipped(subject, NO_FILE)
    build = around.services()[around.conf.service].get("build") or {}
    if not build:
        return skipped(subject, f"service {around.conf.service} is not built here")
    root = around.root / str(build.get("context") or ".")
    dockerfile = root / str(build.get("dockerfile") or "Dockerfile")
    if not dockerfile.is_file() and not build.get("dockerfile_inline"):
        finding = Finding(f"{dockerfile} is not there", "write it, or name another in `build`")
        return judged(subject, "no Dockerfile", [finding])
    found = context.read(root, dockerfile)
    says = f"{size(found.size_bytes)} in {many(found.files, 'file')}"
    findings = []
    if found.size_bytes > image.LARGE_BYTES:
        most = found.culprits()
        largest = ", ".join(f"{path} {size(size_bytes)}" for path, size_bytes in most)
        rules = context.ignore_file(root, dockerfile)
        words = shlex.join(path for path, _ in most)
        findings.append(
            Finding(
                f"{size(found.size_bytes)} are sent at every build: {largest}",
                f"printf '%s\\n' {words} >>{shlex.quote(str(rules))}    if no image needs it",
            )
        )
    return judged(subject, says, findings, {"bytes": found.size_bytes, "files": found.files})
