"""One function's new revision on trial: ready, asked, given a share of the traffic, watched; then all of it, or none.

Traffic is pinned to the revision that has it before the new manifest is applied, so a revision that never works never
gets a request. From then on every way out of here, an interruption too, ends with all traffic on one of the two.
"""

import copy
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from deploy import ready
from deploy.manifests import Manifest
from deploy.tools import NAMESPACE, DeployError, apply, get, kn, kubectl

TAG = "canary"
INITIAL = "autoscaling.knative.dev/initial-scale"
BEFORE = "deploy.wadi/before"
EVERY = 2.0
SETTLED_WITHIN = 60.0
CRASHES = 2
QUEUE_PORT = 8012  # of queue-proxy, through which requests come

_ANSWERS = re.compile(r'^wadi_function_requests_total\{.*?code="(\d)\d\d".*?\} ([0-9.e+]+)$', re.MULTILINE)
Say = Callable[[str], None]


class CanaryError(Exception):
    """Why the new revision is not to have the traffic."""


def release(manifest: Manifest, percent: int, watch: float, check: str, seconds: float, say: Say) -> None:
    """Raises DeployError when the new revision was taken back."""
    name = manifest["metadata"]["name"]
    stable = serving(get("ksvc", name))
    if stable is None:
        raise DeployError(
            f"{name} serves nothing yet, so there is nothing to compare a canary with: deploy it plainly."
        )
    _traffic(name, f"{stable}=100", "@latest=0", tag="@latest")
    try:
        apply([_starting(manifest)])
        new = _new(name, stable, seconds, say)
        if new == stable:
            say(f"{name}: {stable} is what the manifest says, there is nothing to try")
        else:
            _ask(new, say)
            _check(name, check, say)
            _traffic(name, f"{stable}={100 - percent}", f"{new}={percent}", tag=new)
            say(f"{name}: {percent} % of the traffic to {new}, for {watch:.0f} s")
            _watch(name, new, watch, say)
    except (CanaryError, DeployError, KeyboardInterrupt) as error:
        _traffic(name, f"{stable}=100")
        why = str(error) or "it was interrupted"
        raise DeployError(f"{name}: rolled back, all traffic is on {stable}: {why}") from error
    _traffic(name, "@latest=100")
    remember({name: stable}, {name: new})
    say(f"{name}: all traffic is on {new}")


def _starting(manifest: Manifest) -> Manifest:
    """With a pod at first, where there would be none: a revision without pods is "ready" whatever is in it."""
    changed = copy.deepcopy(manifest)
    annotations = changed["spec"]["template"]["metadata"].setdefault("annotations", {})
    if (annotations.get(INITIAL) or _initial_of_all()) == "0":
        annotations[INITIAL] = "1"
    return changed


def _initial_of_all() -> str:
    """What Knative does where a manifest does not say. Who may not read that finds out when there is no pod to ask."""
    path = ("configmap", "config-autoscaler", "--namespace", "knative-serving")
    try:
        return kubectl("get", *path, "--output", "jsonpath={.data.initial-scale}")
    except DeployError:
        return ""


def roll_back(name: str, to: str, say: Say) -> None:
    """All traffic to a revision: that which had it before, unless it is named."""
    service = get("ksvc", name)
    now = serving(service)
    if now is None:
        raise DeployError(f"{name} serves nothing, so there is nothing to go back from.")
    to = to or service["metadata"].get("annotations", {}).get(BEFORE, "")
    if not to or to == now:
        raise DeployError(
            f"{name}: it is not known what had the traffic before {now}; name a revision (kn revision list -s {name})."
        )
    if reason := ready.why_not_ready(get("revision", to))[0]:
        raise DeployError(f"{name}: {to} would not work: {reason}")
    _traffic(name, f"{to}=100")
    say(f"{name}: all traffic is on {to}, and was on {now}")


def remember(before: dict[str, str], now: dict[str, str]) -> None:
    """Notes at each service which revision had its traffic before the one that has it now: the way back.

    That a revision is ready does not tell it from a canary that was taken back.
    """
    notes = [(name, revision) for name, revision in before.items() if now.get(name, revision) != revision]
    about = {"apiVersion": "serving.knative.dev/v1", "kind": "Service"}
    places = [{"name": name, "namespace": NAMESPACE, "annotations": {BEFORE: revision}} for name, revision in notes]
    apply([about | {"metadata": place} for place in places], "wadi-deploy-before")


def serving(service: dict[str, Any]) -> str | None:
    """The revision that has most of the traffic."""
    shares: Counter[str] = Counter()
    for each in (service.get("status") or {}).get("traffic", []):  # one revision may have several entries
        shares[each["revisionName"]] += each.get("percent") or 0
    return max(shares, key=lambda name: shares[name]) if shares else None


def pinned(service: dict[str, Any]) -> bool:
    """Whether a canary or a rollback has taken the traffic away from the latest revision."""
    return any(each.get("revisionName") for each in (service.get("spec") or {}).get("traffic", []))


def follow_latest(name: str, service: dict[str, Any], say: Say) -> None:
    _traffic(name, "@latest=100")
    say(f"{name}: its traffic was pinned to {serving(service)}, now it follows the latest revision again")


def _traffic(name: str, *shares: str, tag: str = "") -> None:
    """Who gets how much. The tag makes a revision without a share reachable, so that it starts and can be asked."""
    tagged = {each.get("tag") for each in (get("ksvc", name).get("spec") or {}).get("traffic", [])}
    arguments = [argument for share in shares for argument in ("--traffic", share)]
    if TAG in tagged:
        arguments += ["--untag", TAG]
    if tag:
        arguments += ["--tag", f"{tag}={TAG}"]
    kn("service", "update", name, *arguments, "--no-wait")  # kn would wait for a revision that may have failed
    deadline = time.monotonic() + SETTLED_WITHIN
    while ready.why_not_ready(get("ksvc", name), "RoutesReady")[0]:
        if time.monotonic() > deadline:
            raise DeployError(
                f"{name}: its traffic does not move: {ready.why_not_ready(get('ksvc', name), 'RoutesReady')[0]}"
            )
        time.sleep(ready.EVERY / 4)


def _new(name: str, stable: str, seconds: float, say: Say) -> str:
    """The revision that the manifest made, once it works."""
    deadline, failed_since = time.monotonic() + seconds, None
    while True:
        service = get("ksvc", name)
        status = service.get("status") or {}
        latest = status.get("latestCreatedRevisionName", "")
        if status.get("observedGeneration") == service["metadata"]["generation"] and not _outdated(status):
            if (
                latest == status.get("latestReadyRevisionName")
                and not ready.why_not_ready(service, "ConfigurationsReady")[0]
            ):
                return str(latest)
            why, failed = ready.why_not_ready(get("revision", latest)) if latest else ("it has no revision", False)
            if latest != stable and (end := _crashes(latest)):
                raise CanaryError(f"{latest} does not start: {end}")
            now = time.monotonic()
            failed_since = (failed_since or now) if failed else None
            if now > deadline or (failed_since and now - failed_since > ready.FAILED_FOR):
                raise CanaryError(f"{latest} does not start: {why}")
        elif time.monotonic() > deadline:
            raise CanaryError("Knative has not looked at it")
        time.sleep(ready.EVERY)


def _outdated(status: dict[str, Any]) -> bool:
    """Whether what it calls its latest revision is of the manifest before: of a bad canary that was taken back, say."""
    return any(
        each["type"] == "ConfigurationsReady" and each.get("reason") == "OutOfDate"
        for each in status.get("conditions", [])
    )


def _crashes(revision: str) -> str:
    """How its container ended, twice or more: Knative itself waits ten minutes for one that only ever crashes."""
    for pod in get("pods", "--selector", f"serving.knative.dev/revision={revision}").get("items", []):
        for each in pod.get("status", {}).get("containerStatuses", []):
            ended = each.get("lastState", {}).get("terminated") or each["state"].get("terminated")
            if ended and each["restartCount"] >= CRASHES and each["name"] == "user-container":
                said = _last_line(pod["metadata"]["name"], each["name"])
                return f"its container ended {each['restartCount']} times, with exit code {ended['exitCode']}: {said}"
    return ""


def _last_line(pod: str, container: str) -> str:
    """Of its log before it was started again; nothing where logs cannot be had from here."""
    where = ("--namespace", NAMESPACE, "--container", container, "--previous", "--tail", "1")
    try:
        return kubectl("logs", pod, *where).strip()
    except DeployError:
        return "(its log cannot be had)"


def _pods(revision: str) -> list[str]:
    selector = f"serving.knative.dev/revision={revision}"
    found = get("pods", "--selector", selector, "--field-selector", "status.phase=Running").get("items", [])
    return [each["metadata"]["name"] for each in found if not each["metadata"].get("deletionTimestamp")]


def _read(pod: str, path: str) -> str:
    return kubectl("get", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/http:{pod}:{QUEUE_PORT}/proxy{path}")


def _ask(revision: str, say: Say) -> None:
    """Its backends answer it. A mesh that lets nobody in but itself keeps us from asking: then --check is the way."""
    pods = _pods(revision)
    if not pods:
        raise CanaryError(
            f"{revision} has no pod that shows whether it works: is initial-scale 0 in config-autoscaler?"
        )
    try:
        _read(pods[0], "/health")
    except DeployError:
        say(f"{revision}: its pods cannot be asked from here")
        return
    try:
        _read(pods[0], "/ready")
    except DeployError:
        raise CanaryError(f"{revision} starts, but its /ready says that a backend does not answer it") from None


def _check(name: str, command: str, say: Say) -> None:
    """A command of yours, in a shell, with the address of the new revision in CANARY_URL; 0 means that it is good."""
    if not command:
        return
    url = next((each["url"] for each in get("ksvc", name)["status"]["traffic"] if each.get("tag") == TAG), "")
    variables = f"CANARY_URL={url}"
    ended = subprocess.run(["env", variables, "sh", "-c", command], capture_output=True, text=True, check=False)
    said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()
    if ended.returncode:
        raise CanaryError(f"the check ended with {ended.returncode}: {said[-1] if said else 'it said nothing'}")
    say(f"{name}: the check is content")


def _watch(name: str, revision: str, seconds: float, say: Say) -> None:
    """Errors of ours (5xx) in its answers, as its pods count them, and pods that die. One is too many."""
    deadline, seen = time.monotonic() + seconds, dict[str, tuple[float, float]]()
    while True:
        why, failed = ready.why_not_ready(get("revision", revision))
        if failed:
            raise CanaryError(f"{revision} has failed: {why}")
        for pod in _pods(revision):
            try:
                text = _read(pod, "/metrics")
            except DeployError:
                continue
            counts = [(digit, float(count)) for digit, count in _ANSWERS.findall(text)]
            seen[pod] = (sum(n for _, n in counts), sum(n for digit, n in counts if digit == "5"))
        answers, errors = (sum(each[place] for each in seen.values()) for place in (0, 1))
        if errors:
            raise CanaryError(f"{errors:.0f} of its {answers:.0f} answers were errors (5xx)")
        if time.monotonic() > deadline:
            say(f"{name}: {revision} gave {answers:.0f} answers, none of them an error")
            return
        time.sleep(min(EVERY, seconds))
