"""A cluster comes up once, is found by whoever asks again, and leaves nothing when it goes: whole, or half of one."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from shared.ids import new_id
from tests.cluster.conftest import asked_for
from tests.cluster.running import Cluster
from tests.patience import until
from tools.backends.server import began
from tools.cluster import archive, down, network, node
from tools.cluster import plane as planes
from tools.cluster.build import binary
from tools.cluster.node import PAUSE, Node
from tools.cluster.up import FOLDER, ROOT, parts, up
from tools.images import Image


def run(*command: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=600, env=environment)


def start(folder: Path) -> Node:
    state = folder / "state"
    state.mkdir(parents=True)
    return node.start(planes.start(state, network.start(state), pods=True))


def namespaces(kind: str) -> dict[int, str]:
    """Of every process that has not ended: one that only waits to be collected holds nothing."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile, or is a thread of the kernel's
            space = str((process / "ns" / kind).readlink())
            if began(int(process.name)) is not None:
                found[int(process.name)] = space
    return found


class Traces:
    """What there is of a cluster on this machine. Another one may come meanwhile, and get the number of a cable, of a
    namespace, of a cgroup that has just gone: what is looked for are these, and not others of their names."""

    def __init__(self, folder: Path, here: Node) -> None:
        self.folder = folder
        first = int(here.enter[1].partition("=")[2])
        known = [namespaces(kind) for kind in ("net", "pid")]
        self.processes = {pid: began(pid) for each in known for pid, one in each.items() if one == each[first]}
        groups = Path("/sys/fs/cgroup").glob(f"**/{here.plane.network.cable}")
        self.groups = {group: group.stat().st_ino for group in groups}

    def left(self) -> list[str]:
        inside = [f"process {pid}" for pid, when in self.processes.items() if when and began(pid) == when]
        running = run("pgrep", "--full", f"^[^ ]*.*{self.folder}").stdout.split()
        links = [line for line in run("ip", "link").stdout.splitlines() if f"alias {self.folder}" in line]
        mounts = [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(self.folder) in line]
        groups = [str(one) for one, number in self.groups.items() if one.exists() and one.stat().st_ino == number]
        return inside + running + links + mounts + groups


@asked_for
def test_a_node_with_a_pod_leaves_nothing(tmp_path: Path) -> None:
    here = start(tmp_path)
    try:
        # pods run as it, and a new namespace gets it a moment later
        here.plane.kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s", namespace="default")
        here.plane.kubectl("run", "idle", f"--image={PAUSE}", "--image-pull-policy=Never", namespace="default")
        here.plane.kubectl("wait", "pod/idle", "--for=condition=Ready", "--timeout=60s", namespace="default")
        traces = Traces(tmp_path, here)
        assert len(traces.left()) > 10
    finally:
        down.end(tmp_path)
    assert traces.left() == []
    assert not (tmp_path / "state").exists()


def kill_node(here: Node) -> None:
    os.kill(int(here.enter[1].partition("=")[2]), signal.SIGKILL)


def kill_network(here: Node) -> None:
    os.kill(here.plane.network.holder.pid, signal.SIGKILL)


def forget_all(here: Node) -> None:
    """As an `up` that is killed leaves what it has just started."""
    for noted in here.plane.folder.glob("*/state.json"):
        noted.unlink()


@asked_for
@pytest.mark.parametrize("harm", [kill_node, kill_network, forget_all])
def test_half_a_cluster_leaves_nothing_either(tmp_path: Path, harm: Callable[[Node], None]) -> None:
    """As it is left by a machine that killed what it liked."""
    here = start(tmp_path)
    try:
        traces = Traces(tmp_path, here)
        harm(here)
        until(lambda: not all(parts(tmp_path)[name] for name in (network.NAME, node.HOLDER, "kubelet")))
    finally:
        down.end(tmp_path)
    assert traces.left() == []
    assert not any(parts(tmp_path).values())


def test_a_second_up_finds_it_running(cluster: Cluster) -> None:
    began = {name: (cluster.plane.folder / name / "state.json").read_text() for name in ("kube-apiserver", "node")}
    again = run(sys.executable, "-P", "-m", "tools.cluster", "up")
    assert again.returncode == 0, again.stderr
    assert "runs already" in again.stderr
    assert f"export GATEWAY_URL={cluster.gateway}\n" in again.stdout
    assert {name: (cluster.plane.folder / name / "state.json").read_text() for name in began} == began
    assert run(sys.executable, "-P", "-m", "tools.cluster", "status").returncode == 0


def test_an_up_brings_the_images_of_the_code_as_it_is_now(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference = f"dev.local/wadi/api:{new_id()[-12:]}"
    image = Image(reference, archive.of_program(binary("pause"), reference, tmp_path / "api.tar"))
    overlay = Path(cluster.env["OVERLAY"]) / "kustomization.yaml"
    said: list[str] = []

    class Made:
        def __init__(self, folder: Path) -> None: ...

        def result(self) -> dict[str, Image]:
            return {"api": image}

    with monkeypatch.context() as patch:
        patch.setattr("tools.cluster.up.Making", Made)
        for _ in range(2):
            assert up(FOLDER, said.append) == cluster.env
    assert said == ["The cluster runs already.", f"{reference} is on the node.", "The cluster runs already."]
    assert {"name": "dev.local/wadi/api", "newTag": reference.rpartition(":")[2]} in images_of(overlay)
    up(FOLDER, said.append)
    assert reference.rpartition(":")[2] not in overlay.read_text()


def images_of(kustomization: Path) -> list[dict[str, str]]:
    return list(yaml.safe_load(kustomization.read_text())["images"])


def test_who_is_not_root_is_told_so(tmp_path: Path) -> None:
    refused = run(
        "unshare", "--user", "--", sys.executable, "-P", "-m", "tools.cluster", "up", f"--folder={tmp_path / 'new'}"
    )
    assert (refused.returncode, refused.stderr) == (
        1,
        "A cluster needs root: it makes namespaces and cgroups.\n",
    )
    assert not (tmp_path / "new").exists()
