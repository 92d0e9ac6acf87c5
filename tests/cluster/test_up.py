"""A cluster comes up once, is found by whoever asks again, and leaves nothing when it goes: whole, or half of one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster import down, network, node
from cluster import plane as planes
from cluster.network import Network
from cluster.node import PAUSE, Node
from cluster.up import ROOT, parts
from tests.cluster.conftest import REQUIRED
from tests.cluster.running import Cluster

asked_for = pytest.mark.skipif(not REQUIRED, reason="asked for by ./task cluster:test, or REQUIRE_CLUSTER=1")


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)


def start(folder: Path) -> Node:
    state = folder / "state"
    state.mkdir(parents=True)
    return node.start(planes.start(state, network.start(state), pods=True))


def namespaces(kind: str) -> dict[int, str]:
    """Of every process."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found[int(process.name)] = str((process / "ns" / kind).readlink())
        except OSError:  # it ended meanwhile, or is a thread of the kernel's
            continue
    return found


def traces(folder: Path, cable: Network, apart: set[str]) -> list[str]:
    """What there is of a cluster on this machine."""
    inside = [f"process {pid}" for kind in ("net", "pid") for pid, one in namespaces(kind).items() if one in apart]
    running = run("pgrep", "--full", f"^[^ ]*.*{folder}").stdout.split()
    links = [line for line in run("ip", "-oneline", "link").stdout.splitlines() if f" {cable.cable}@" in line]
    routes = [line for line in run("ip", "route").stdout.splitlines() if cable.pods in line]
    mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in line]
    groups = [str(one) for one in Path("/sys/fs/cgroup").glob(f"**/{cable.cable}")]
    return inside + running + links + routes + mounts + groups


def apart(here: Node) -> set[str]:
    first = int(here.enter[1].partition("=")[2])
    return {namespaces(kind)[first] for kind in ("net", "pid")}


@asked_for
def test_a_node_with_a_pod_leaves_nothing(tmp_path: Path) -> None:
    here = start(tmp_path)
    try:
        here.plane.kubectl("run", "idle", f"--image={PAUSE}", "--image-pull-policy=Never", namespace="default")
        here.plane.kubectl("wait", "pod/idle", "--for=condition=Ready", "--timeout=60s", namespace="default")
        cable, spaces = here.plane.network, apart(here)
        assert len(traces(tmp_path, cable, spaces)) > 10
    finally:
        down.end(tmp_path)
    assert traces(tmp_path, cable, spaces) == []
    assert not (tmp_path / "state").exists()


@asked_for
def test_half_a_cluster_leaves_nothing_either(tmp_path: Path) -> None:
    """As it is left by a machine that killed what it liked: the node's first process, and with it all of the node."""
    here = start(tmp_path)
    try:
        cable, spaces = here.plane.network, apart(here)
        node.kill(here.holder)
        running = parts(tmp_path)
        assert (running["kube-apiserver"], running["kubelet"]) == (True, False)
    finally:
        down.end(tmp_path)
    assert traces(tmp_path, cable, spaces) == []
    assert not any(parts(tmp_path).values())


def test_a_second_up_finds_it_running(cluster: Cluster) -> None:
    began = {name: (cluster.plane.folder / name / "state.json").read_text() for name in ("kube-apiserver", "node")}
    again = run(sys.executable, "-P", "-m", "cluster", "up")
    assert again.returncode == 0, again.stderr
    assert "runs already" in again.stderr
    assert f"export GATEWAY_URL={cluster.gateway}\n" in again.stdout
    assert {name: (cluster.plane.folder / name / "state.json").read_text() for name in began} == began
    assert run(sys.executable, "-P", "-m", "cluster", "status").returncode == 0


def test_who_is_not_root_is_told_so(tmp_path: Path) -> None:
    refused = run(
        "unshare", "--user", "--", sys.executable, "-P", "-m", "cluster", "up", f"--folder={tmp_path / 'new'}"
    )
    assert (refused.returncode, refused.stderr) == (
        1,
        "A cluster needs root: it makes namespaces and cgroups.\n",
    )
    assert not (tmp_path / "new").exists()
