"""Functions as pods that start from zero, on a cluster that runs and has routes, as docs/deploy/cluster-here.md begins:
`kubectl -n wadi delete pingsources --all`, since what is woken each minute is in the way; `python -m
tools.bench.cluster`.

cold    requests through the gateway (21), each when its function has no pod: until the pod is on a node (activator,
        autoscaler, scheduler), until our process begins (sandbox, network, container), until it listens (ours), until
        the client has its answer (that queue-proxy, kubelet and activator notice; the request itself)
idle    pods and memory when no function runs
upload  from the moment that an upload is complete to the first pod that transcodes and is ready
burst   films uploaded at once: pods over time, as a picture; none over its max-scale, all films ready, back to zero

Needs root: it looks for our processes in pods, and at everybody's memory.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tools.bench.box import Box, until
from tools.bench.plots import Series, stacked
from tools.bench.uploads import _clip
from tools.cluster import processes
from tools.cluster.api import Api
from tools.cluster.up import FOLDER, read_env

NAMESPACE = "wadi"
FUNCTION = "serving.knative.dev/service"
MAX_SCALE = "autoscaling.knative.dev/max-scale"
# The first does without the database.
ASKED = {"jwks": "/.well-known/jwks.json", "list-videos": "/api/videos", "search": "/api/search?q=film"}
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "cluster-pods.svg"
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 600.0


class Pod(NamedTuple):
    name: str
    function: str
    placed: bool
    ready: bool
    leaving: bool


class Moment(NamedTuple):
    at: float
    pods: list[Pod]


def now() -> float:
    """Seconds since the machine started: the clock that the kernel notes a process' beginning by."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Watch:
    """The functions' pods, as they become what they are."""

    def __init__(self, kubeconfig: Path) -> None:
        self.moments: list[Moment] = []
        self._kubeconfig = kubeconfig
        threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True).start()
        until(lambda: self.moments)

    async def _run(self) -> None:
        async with Api(self._kubeconfig) as api:
            async for known in api.watch(f"/api/v1/namespaces/{NAMESPACE}/pods"):
                self.moments.append(Moment(now(), [_pod(one) for one in known.values() if _is_function(one)]))

    def pods(self) -> list[Pod]:
        return self.moments[-1].pods

    def first(self, since: float, function: str, is_so: Callable[[Pod], bool]) -> float:
        """When a pod of the function was first so."""
        return next(
            one.at for one in list(self.moments) if one.at >= since
            for pod in one.pods if pod.function == function and is_so(pod)
        )  # fmt: skip


def _is_function(pod: dict[str, Any]) -> bool:
    return FUNCTION in pod["metadata"].get("labels", {})


def _pod(pod: dict[str, Any]) -> Pod:
    about, status = pod["metadata"], pod["status"]
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", []))
    placed = "nodeName" in pod["spec"]
    return Pod(about["name"], about["labels"][FUNCTION], placed, ready, "deletionTimestamp" in about)


def cold(gateway: str, watch: Watch, rounds: int) -> dict[str, Any]:
    found: dict[str, list[dict[str, float]]] = {name: [] for name in ASKED}
    for number in range(rounds * len(ASKED)):
        name = list(ASKED)[number % len(ASKED)]  # by turns: while one is used, the pods of the others go
        until(lambda name=name: not any(pod.function == name for pod in watch.pods()), PATIENCE)  # type: ignore[misc]
        began = now()
        httpx.get(f"{gateway}{ASKED[name]}", timeout=60).raise_for_status()
        answered = now()
        until(lambda began=began, name=name: _seen(watch, began, name))  # type: ignore[misc]
        placed = watch.first(began, name, lambda pod: pod.placed)
        first, *_, worker = _processes_began(name.replace("-", "_"), began)
        found[name].append(
            {"schedule": placed - began, "container": first - placed, "ours": worker - first,
             "notice": answered - worker, "all": answered - began}
        )  # fmt: skip
    found["all"] = [one for rows in found.values() for one in rows]
    return {name: {part: _p50_p95([one[part] for one in rows]) for part in rows[0]} for name, rows in found.items()}


def _seen(watch: Watch, since: float, function: str) -> bool:
    with suppress(StopIteration):
        return watch.first(since, function, lambda pod: pod.placed) > 0
    return False


def _processes_began(target: str, since: float) -> list[float]:
    """When the processes of the function's container began, to a hundredth of a second: gunicorn forks its worker when
    all is imported and it listens."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"shared.runtime.serve" not in (folder / "cmdline").read_bytes():
                continue
            if f"FUNCTION_TARGET={target}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int((folder / "stat").read_text().rpartition(")")[2].split()[19]) / TICKS)
    return sorted(one for one in found if one >= since)


def idle(plane: Api, watch: Watch) -> dict[str, Any]:
    """Between two pings of the minute."""
    until(lambda: not watch.pods(), PATIENCE)
    memory = _memory()
    pods = asyncio.run(_all_pods(plane))
    return {"pods_of_functions": len(watch.pods()), "pods_of_knative": pods, "memory_mb": memory}


async def _all_pods(plane: Api) -> int:
    async with plane:
        items = (await plane.get("/api/v1/pods"))["items"]
    return sum(one["status"]["phase"] == "Running" and not _is_function(one) for one in items)


def _memory() -> dict[str, int]:
    """MB by part; what processes share is divided among them (PSS)."""
    parts: Counter[str] = Counter()
    for pid in processes.of(FOLDER):
        with suppress(OSError):
            folder = Path("/proc") / str(pid)
            rollup = (folder / "smaps_rollup").read_text()
            parts[_part(folder)] += int(rollup.partition("\nPss:")[2].split()[0])
    return {name: round(kilobytes / 1024) for name, kilobytes in sorted(parts.items())}


def _part(process: Path) -> str:
    """Which part of the cluster it is."""
    if "/kubepods" in (process / "cgroup").read_text():
        return "Knative's pods"
    place = str((process / "cwd").readlink())
    command = Path((process / "exe").readlink()).name
    for folder, part in (
        (FOLDER / "backends", "PostgreSQL, Kafka, S3"),
        (FOLDER / "state" / "ingress", "stand-ins"),
        (FOLDER / "state" / "kafka-source", "stand-ins"),
    ):
        if place.startswith(str(folder)):
            return part
    if command in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        return "control plane"
    if command == "postgres":
        return "PostgreSQL, Kafka, S3"
    return "Knative's webhooks" if "webhook" in command else "node"


def transcoding(box: Box, watch: Watch, film: bytes, rounds: int) -> list[float]:
    """Seconds from the answer that an upload is complete to the first pod of transcode-segment that is ready."""
    found = []
    for _ in range(rounds):
        until(lambda: not watch.pods(), PATIENCE)
        began = now()
        upload(box, film)
        completed = now()
        until(lambda began=began: _ready(watch, began), PATIENCE)  # type: ignore[misc]
        found.append(watch.first(began, "transcode-segment", lambda pod: pod.ready) - completed)
        until(lambda: all(one == "ready" for one in _states(box)), PATIENCE)
    return found


def _ready(watch: Watch, since: float) -> bool:
    with suppress(StopIteration):
        return watch.first(since, "transcode-segment", lambda pod: pod.ready) > 0
    return False


def burst(box: Box, watch: Watch, film: bytes, films: int, limits: dict[str, int]) -> dict[str, Any]:
    until(lambda: not watch.pods(), PATIENCE)
    before = len(_states(box))
    began = now()
    with ThreadPoolExecutor(films) as workers:
        list(workers.map(lambda _: upload(box, film), range(films)))
    uploaded = now() - began
    until(lambda: _states(box)[before:] == ["ready"] * films, PATIENCE * 2)
    ready = now() - began
    until(lambda: all(pod.leaving for pod in watch.pods()), PATIENCE)
    unwanted = now() - began
    moments = [one for one in watch.moments if one.at >= began]
    until(lambda: not watch.pods(), PATIENCE * 2)
    gone = now() - began
    most = Counter[str]()
    for one in moments:
        for name, count in Counter(pod.function for pod in one.pods if not pod.leaving).items():
            most[name] = max(most[name], count)
    _draw(moments, began, ready)
    return {
        "films": films,
        "uploaded_s": round(uploaded, 1),
        "all_ready_s": round(ready, 1),
        "none_wanted_s": round(unwanted, 1),
        "no_pod_left_s": round(gone, 1),
        "most_pods_at_once": max(sum(not pod.leaving for pod in one.pods) for one in moments),
        "most_of_each": {name: f"{count} of {limits[name]}" for name, count in most.most_common()},
        "over_max_scale": [name for name, count in most.items() if count > limits[name]],
    }


def upload(box: Box, film: bytes) -> None:
    """In one request: returns when the upload is complete."""
    headers, files = {"Authorization": f"Bearer {box.token}"}, {"file": ("film.mp4", film, "video/mp4")}
    httpx.post(f"{box.url}/api/videos/upload", headers=headers, files=files, timeout=300).raise_for_status()


def _states(box: Box) -> list[str]:
    """Oldest first, of all videos of the account."""
    headers = {"Authorization": f"Bearer {box.token}"}
    answer = httpx.get(f"{box.url}/api/videos", params={"owner": "me", "limit": 100}, headers=headers, timeout=60)
    return [one["state"] for one in reversed(answer.raise_for_status().json()["videos"])]


def _draw(moments: list[Moment], began: float, ready: float) -> None:
    """Pods that are not leaving: the functions that had most, and the rest as one."""
    counted = [(one.at - began, Counter(pod.function for pod in one.pods if not pod.leaving)) for one in moments]
    totals = Counter[str]()
    for (at, counts), (after, _) in pairwise(counted):
        for name, count in counts.items():
            totals[name] += round(count * (after - at) * 1000)
    shown = [name for name, _ in totals.most_common(6)]
    series = [Series(name, [counts[name] for _, counts in counted]) for name in shown]
    rest = [sum(counts.values()) - sum(counts[name] for name in shown) for _, counts in counted]
    PICTURE.write_text(
        stacked([at for at, _ in counted], [*series, Series("all others", rest)], mark=(ready, "all films ready"))
    )


def _p50_p95(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    place = min(len(ordered) - 1, int(len(ordered) * 0.95))
    return {"p50": round(statistics.median(ordered), 2), "p95": round(ordered[place], 2)}


async def _limits(plane: Api) -> dict[str, int]:
    async with plane:
        items = (await plane.get(f"/apis/serving.knative.dev/v1/namespaces/{NAMESPACE}/services"))["items"]
    return {
        one["metadata"]["name"]: int(one["spec"]["template"]["metadata"]["annotations"][MAX_SCALE]) for one in items
    }


def _account(url: str) -> Box:
    address = f"bench-{time.time_ns()}@example.org"
    account = {"email": address, "password": "correct horse battery"}
    answer = httpx.post(f"{url}/api/auth/register", json=account, timeout=60).raise_for_status()
    return Box(url, "", answer.json()["access_token"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="cold,idle,upload,burst", metavar="NAME,…")
    parser.add_argument("--rounds", type=int, default=7, help="of cold: that many for each function")
    parser.add_argument("--films", type=int, default=8, help="of burst")
    parser.add_argument("--uploads", type=int, default=5, help="of upload, one after another")
    arguments = parser.parse_args()
    env = read_env(FOLDER)
    if not env:
        raise SystemExit("No cluster: ./task cluster:up, then ./task deploy -- --overlay .cluster/wadi")
    kubeconfig, gateway = Path(env["KUBECONFIG"]), env["GATEWAY_URL"]
    watch, wanted = Watch(kubeconfig), arguments.only.split(",")
    print(json.dumps({"load_before": os.getloadavg()[0]}))
    if "cold" in wanted:
        print(json.dumps({"cold": cold(gateway, watch, arguments.rounds)}, indent=2))
    if "idle" in wanted:
        print(json.dumps({"idle": idle(Api(kubeconfig), watch)}, indent=2))
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as name:
        film = _clip(Path(name) / "clip.mp4").read_bytes()
        if "upload" in wanted:
            times = transcoding(_account(gateway), watch, film, arguments.uploads)
            print(json.dumps({"upload": _p50_p95(times) | {"least": round(min(times), 2)}}))
        if "burst" in wanted:
            limits = asyncio.run(_limits(Api(kubeconfig)))
            print(json.dumps({"burst": burst(_account(gateway), watch, film, arguments.films, limits)}, indent=2))


if __name__ == "__main__":
    main()
