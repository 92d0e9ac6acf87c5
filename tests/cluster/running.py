"""A cluster that runs, as tests ask it: what there is of Wadi in it, and how many pods."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.cluster import wadi
from tools.cluster.build import binary
from tools.cluster.plane import Plane

NAMESPACE = "wadi"
SERVICE = "serving.knative.dev/service"


# The two ways of events: the overlay that tools/cluster/wadi.py writes, and what is there for the other one. That is in
# nobody's way, but events would go both ways.
OVERLAYS = {"broker": "wadi-broker", "kafka": "wadi"}
OTHERS = {"broker": "kafkasources", "kafka": "triggers"}


@dataclass
class Cluster:
    folder: Path
    env: dict[str, str]  # what stands in its `env`
    plane: Plane
    events: str = ""  # by which way this session has deployed it

    def deploy(self, events: str) -> None:
        """The platform, as a user deploys it; nothing where it is there already."""
        if self.events != events:
            wadi.deploy(self.plane, self.folder / OVERLAYS[events])
            self.plane.kubectl("delete", OTHERS[events], "--all", namespace=NAMESPACE)
            self.events = events

    @property
    def gateway(self) -> str:
        return self.env["GATEWAY_URL"]

    def replicas(self) -> dict[str, int]:
        """How many pods each function has or is to have, over all of its revisions. One that is told to end, and takes
        its time, is not counted."""
        # Raw: asked again and again, kubectl's own work for a table of kinds would take a third of a core.
        deployments = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments?labelSelector={SERVICE}"
        wanted: dict[str, int] = {}
        for one in json.loads(self.plane.kubectl("get", "--raw", deployments))["items"]:
            function = one["metadata"]["labels"][SERVICE]
            more = max(one["spec"]["replicas"], one["status"].get("replicas", 0))
            wanted[function] = wanted.get(function, 0) + more
        return wanted

    def kn(self, *arguments: str) -> str:
        command = [str(binary("kn")), "--kubeconfig", str(self.plane.kubeconfig), *arguments, "--namespace", NAMESPACE]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    @contextmanager
    def watched(self, file: Path) -> Iterator[Callable[[], set[str]]]:
        """Names, when it is asked, the functions that got a pod since the beginning; how soon kubectl starts is nothing
        to that."""
        pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
        since = json.loads(self.plane.kubectl("get", "--raw", f"{pods}?limit=1"))["metadata"]["resourceVersion"]
        address = f"{pods}?watch=1&resourceVersion={since}&labelSelector={SERVICE}"
        command = [str(binary("kubectl")), f"--kubeconfig={self.plane.kubeconfig}", "get", "--raw", address]

        def woken() -> set[str]:
            *changes, _ = file.read_text().split("\n")  # the last one may be half written
            new = [one["object"] for one in map(json.loads, changes) if one["type"] == "ADDED"]
            return {one["metadata"]["labels"][SERVICE] for one in new}

        with file.open("w") as out, subprocess.Popen(command, stdout=out) as watch:
            try:
                yield woken
            finally:
                watch.kill()
