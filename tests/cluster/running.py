"""A cluster that runs, as tests ask it: what there is of Wadi in it, and how many pods."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.build import binary
from cluster.plane import Plane

NAMESPACE = "wadi"
SERVICE = "serving.knative.dev/service"


@dataclass(frozen=True)
class Cluster:
    folder: Path
    env: dict[str, str]  # what stands in its `env`
    plane: Plane

    @property
    def gateway(self) -> str:
        return self.env["GATEWAY_URL"]

    def items(self, kind: str) -> list[dict[str, Any]]:
        return list(self.plane.get(kind, namespace=NAMESPACE)["items"])

    def replicas(self) -> dict[str, int]:
        """How many pods Knative wants of each function, over all of its revisions. Pods outlive that by a while."""
        wanted: dict[str, int] = {}
        for one in self.items("deployments"):
            function = one["metadata"]["labels"].get(SERVICE)
            if function:
                wanted[function] = wanted.get(function, 0) + one["spec"]["replicas"]
        return wanted

    def pinged(self) -> set[str]:
        """Functions that a clock wakes: they come and go at any time."""
        return {one["spec"]["sink"]["ref"]["name"] for one in self.items("pingsources")}

    def kn(self, *arguments: str) -> str:
        command = [str(binary("kn")), "--kubeconfig", str(self.plane.kubeconfig), *arguments, "--namespace", NAMESPACE]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    @contextmanager
    def watched(self, file: Path) -> Iterator[Callable[[], set[str]]]:
        """Names, when it is asked, the functions that had a pod since the beginning."""
        label = SERVICE.replace(".", r"\.")
        command = [
            str(binary("kubectl")), f"--kubeconfig={self.plane.kubeconfig}", f"--namespace={NAMESPACE}",
            "get", "pods", "--watch-only", f"--selector={SERVICE}", "--output=custom-columns=F:.metadata.labels."
            + label, "--no-headers",
        ]  # fmt: skip
        with file.open("w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT) as watch:
            try:
                yield lambda: set(file.read_text().split())
            finally:
                watch.kill()
