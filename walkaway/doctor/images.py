"""Check the images that are not built here: which are missing, and which can be pulled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from walkaway.doctor import (
    NO_FILE,
    Around,
    Checked,
    Finding,
    Grade,
    judged,
    skipped,
    unknown,
)
from walkaway.environment import compose_config, diagnosis, registry
from walkaway.environment.compose_config import Composed
from walkaway.environment.registry import Answer, Pull
from walkaway.errors import WalkawayError
from walkaway.text import many

_SUBJECT = "images"
_AT_ONCE = 8


def images(around: Around) -> Checked:
    """Check the images of the test service and of all services that `up` starts."""
    if not around.in_compose:
        return skipped(_SUBJECT, "not looked for: the tests run without them")
    if not around.readable():
        return skipped(_SUBJECT, NO_FILE)
    try:
        needed = to_pull(compose_config.read(around.project, around.environ), around.conf.service)
        missing = [image for image in needed if not diagnosis.has_image(image, around.environ)]
    except WalkawayError as error:
        return unknown(_SUBJECT, error.message.splitlines()[0], "docker image ls")
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(lambda image: registry.ask(image, around.environ), missing))
    return judge(needed, dict(zip(missing, answers, strict=True)))


def to_pull(composed: Composed, service: str) -> dict[str, list[str]]:
    """Return the images that no `build:` makes, each with the services that use it."""
    built = {found.image for found in composed.services.values() if found.build}
    found: dict[str, list[str]] = {}
    for name in sorted({service, *composed.whole(service)}):
        image = composed.services[name].image
        if image not in built:
            found.setdefault(image, []).append(name)
    return found


def judge(needed: Mapping[str, Sequence[str]], missing: Mapping[str, Answer]) -> Checked:
    """Judge the images. ``needed``: services by image; ``missing``: the registry's answers."""
    findings = []
    for image, answer in missing.items():
        services = f"{'service' if len(needed[image]) == 1 else 'services'}"
        who = f"{image} ({services} {', '.join(needed[image])}) is not here"
        mend = f"docker pull {image}    where that works; or name another in the Compose file"
        if answer.pull is Pull.CANNOT:
            findings.append(Finding(f"{who} and cannot be pulled: {answer.why}", mend))
        elif answer.pull is Pull.UNKNOWN:
            says = f"{who}, and whether it can be pulled is not known: {answer.why}"
            findings.append(Finding(says, mend))
    says = f"{many(len(needed), 'image')} to pull, all here" if needed else "all are built here"
    if missing:
        says = f"{len(missing):,} of {many(len(needed), 'image')} not here"
        to_come = [image for image, answer in missing.items() if answer.pull is Pull.CAN]
        says += f"; can be pulled: {', '.join(to_come)}" if to_come else ""
    facts = {
        image: {
            "services": list(services),
            "here": image not in missing,
            "pull": missing[image].pull if image in missing else None,
            "why": missing[image].why if image in missing else "",
        }
        for image, services in needed.items()
    }
    known = any(answer.pull is Pull.CANNOT for answer in missing.values())
    if findings and not known:
        return Checked(_SUBJECT, says, tuple(findings), Grade.UNKNOWN, {"images": facts})
    return judged(_SUBJECT, says, findings, {"images": facts})
