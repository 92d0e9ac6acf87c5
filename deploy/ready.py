"""Whether what was applied works. What is not ready is named, with the reason that Kubernetes gives."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from deploy.manifests import Manifest
from deploy.tools import DeployError, get

EVERY = 1.0
TOLD_EVERY = 15.0
# A revision that failed may still come (a node that was just starting, an image that took long); so long, it is not.
FAILED_FOR = 20.0
# kinds that tell by a condition of that name whether they work
CONDITIONS = {"Deployment": "Available"} | dict.fromkeys(
    ("Service", "KafkaSource", "PingSource", "SinkBinding", "Broker", "Trigger", "KafkaTopic"), "Ready"
)


def wait(manifests: list[Manifest], seconds: float, say: Callable[[str], None]) -> None:
    """Until all of them are ready. Raises DeployError that names the others, a line each."""
    wanted = [each for each in manifests if _condition(each)]
    began, told, all_failed_since = time.monotonic(), 0.0, None
    while True:
        states = dict(_states(wanted))
        ready, now = sum(reason is None for reason, _ in states.values()), time.monotonic()
        if ready == len(states) or now - told > TOLD_EVERY:
            say(f"{ready} of {len(states)} ready")
            told = now
        if ready == len(states):
            return
        all_failed = all(failed or reason is None for reason, failed in states.values())
        all_failed_since = (all_failed_since or now) if all_failed else None
        if now - began > seconds or (all_failed_since and now - all_failed_since > FAILED_FOR):
            raise DeployError(*(f"{name}: {reason}" for name, (reason, _) in sorted(states.items()) if reason))
        time.sleep(EVERY)


def why_not_ready(found: dict[str, Any], condition: str = "Ready") -> tuple[str | None, bool]:
    """Why it is not ready, in words; and whether it says that it has failed, not only that it is not there yet."""
    if not found:
        return "it is not there", False
    status = found.get("status") or {}
    if status.get("observedGeneration", 0) < found["metadata"].get("generation", 0):
        return "its controller has not looked at it yet", False
    conditions = {each["type"]: each for each in status.get("conditions", [])}
    told = conditions.get(condition, {"status": "Unknown"})
    if told["status"] == "True":
        return None, False
    reasons = [each for each in conditions.values() if each["status"] == "False" and each.get("message")]
    why = next(iter(reasons), told)
    words = f"{why.get('reason', 'not ready yet')}: {why.get('message', '')}".rstrip(": ")
    return " ".join(words.split()), told["status"] == "False"


def _condition(manifest: Manifest) -> str | None:
    return None if manifest["apiVersion"] == "v1" else CONDITIONS.get(manifest["kind"])


def _states(manifests: list[Manifest]) -> Iterable[tuple[str, tuple[str | None, bool]]]:
    # All kinds in one question: it is asked again and again, and each kubectl costs a quarter of a second of a core.
    kinds = ",".join(sorted({_kind(each) for each in manifests}))
    found = {(_kind(one), one["metadata"]["name"]): one for one in (get(kinds).get("items", []) if kinds else [])}
    for each in manifests:
        one = found.get((_kind(each), each["metadata"]["name"]), {})
        yield f"{each['kind']} {each['metadata']['name']}", why_not_ready(one, _condition(each) or "Ready")


def _kind(manifest: Manifest) -> str:
    """As kubectl wants it: Services are of two kinds."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    return ".".join((manifest["kind"].lower(), version, group))
