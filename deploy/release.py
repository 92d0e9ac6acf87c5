"""A release: settings, then the database's schema, then everything else, and only then the word that it works.

Migrations come first and are waited for, since the functions of a release expect their tables, while those of the
release before go on with newer ones (docs/decisions/0032). One that fails leaves all functions as they are.
"""

import time
from collections.abc import Callable
from typing import Any

from deploy import canary, manifests, ready
from deploy.manifests import Built, Manifest
from deploy.tools import NAMESPACE, DeployError, apply, get, kubectl

Say = Callable[[str], None]


def everything(built: Built, seconds: float, say: Say) -> None:
    prepare(built, seconds, say)
    say(f"applying {len(built.rest)} manifests")
    _bring(built.rest, seconds, say)


def function(built: Built, name: str, seconds: float, say: Say) -> None:
    """Only what belongs to it: settings and schema are those of the last release."""
    service = manifests.service(built, name)
    _bring([service, *manifests.sources(built, service["metadata"]["name"])], seconds, say)


def prepare(built: Built, seconds: float, say: Say) -> None:
    apply(built.first)
    migrate(built.migrations, seconds, say)


def _bring(wanted: list[Manifest], seconds: float, say: Say) -> None:
    names = {each["metadata"]["name"] for each in wanted if manifests.is_service(each)}
    before = _serving(names)
    apply(wanted)
    ready.wait(wanted, seconds, say)
    for name, service in _services(names).items():
        if canary.pinned(service):
            canary.follow_latest(name, service, say)
    canary.remember(before, _serving(names))


def _services(names: set[str]) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each for each in get("ksvc").get("items", []) if each["metadata"]["name"] in names
    }


def _serving(names: set[str]) -> dict[str, str]:
    found = {name: canary.serving(service) for name, service in _services(names).items()}
    return {name: revision for name, revision in found.items() if revision}


def migrate(jobs: list[Manifest], seconds: float, say: Say) -> None:
    for job in jobs:
        name = job["metadata"]["name"]
        kubectl("delete", "job", name, "--namespace", NAMESPACE, "--ignore-not-found", "--cascade=foreground")
        apply([job])
        say(f"job {name}: waiting")
        deadline, told = time.monotonic() + max(seconds, job["spec"].get("activeDeadlineSeconds", 0)), ""
        while not _complete(get("job", name)):
            if (hindrance := _hindrance(name)) not in ("", told):
                say(f"job {name}: {hindrance}")
                told = hindrance
            if time.monotonic() > deadline:
                raise DeployError(f"job {name} is not done in time: {hindrance or _last_log_line(name)}")
            time.sleep(ready.EVERY)
        say(f"job {name}: done")


def _hindrance(job: str) -> str:
    """What keeps its pod from starting: no place for it, no image, no Secret."""
    for pod in get("pods", "--selector", f"batch.kubernetes.io/job-name={job}").get("items", []):
        status = pod.get("status") or {}
        for each in status.get("conditions", []):
            if each["type"] == "PodScheduled" and each["status"] == "False":
                return f"{each.get('reason')}: {each.get('message')}"
        for container in status.get("containerStatuses", []):
            waiting = container["state"].get("waiting") or {}
            if waiting.get("message"):
                return f"{waiting['reason']}: {waiting['message']}"
    return ""


def _complete(job: dict[str, Any]) -> bool:
    for each in (job.get("status") or {}).get("conditions", []):
        if each["status"] == "True" and each["type"] == "Failed":
            name = job["metadata"]["name"]
            raise DeployError(f"job {name} failed ({each.get('reason')}), nothing was deployed: {_last_log_line(name)}")
        if each["status"] == "True" and each["type"] == "Complete":
            return True
    return False


def _last_log_line(job: str) -> str:
    """The last line of its log, or what keeps its pod from starting."""
    try:
        log = kubectl("logs", f"job/{job}", "--namespace", NAMESPACE, "--tail", "1").strip()
    except DeployError as error:
        return str(error)
    return log or "it said nothing"
