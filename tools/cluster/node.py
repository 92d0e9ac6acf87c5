"""The one node: containerd, the kubelet, kube-proxy and CoreDNS, in namespaces of their own.

    node = start(plane)          # found running, or started; returns when the node is Ready
    node.load(archive)           # an OCI archive, as tools/images/ and archive.py make them

It is ended with the cluster (down.py), by killing the first of its processes and then removing its cgroups.

Beside the network of network.py they have their own processes and mounts. The first of the processes (`pause`) holds
them: when it is killed, the kernel ends every other one, of pods too, and with the last of them go the mounts. /run is
new in there, so nothing meets a containerd of this machine; sysctls that the kubelet would set for the whole machine
are files of ours. cgroups cannot be had apart: everything is in one that has the cable's name.

Pods have addresses of `network.pods`, and each a cable to the node (ptp): a route to them is all that this machine
needs, so the API server reaches webhooks in pods, and pods reach what listens on the network's HOST address without
being masqueraded.

FOLDER/node /containerd /kubelet /kube-proxy /coredns   as tools/backends/server.py keeps them
"""

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tools.backends import debian
from tools.backends.cache import BackendError
from tools.backends.server import Program, Server, running, serve
from tools.cluster import archive
from tools.cluster.build import binary, keep
from tools.cluster.network import Network
from tools.cluster.plane import NODE, Plane

DEBIAN = ("containerd", "runc", "containernetworking-plugins", "nftables", "conntrack")
PROGRAMS = ("kubelet", "kube-proxy", "coredns", "containerd")
HOLDER = "node"
PAUSE = "dev.local/wadi/pause:1"
SOCKET = "/run/containerd/containerd.sock"
DOMAIN = "cluster.local"
CGROUPS = Path("/sys/fs/cgroup")
PODS = 200  # what the one node may run; a subnet has room for 253
SECONDS = 90

# What the kubelet sets, for all of the machine, and would not run without.
SYSCTLS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1_000_000,
    "kernel/keys/root_maxbytes": 25_000_000,
}


@dataclass(frozen=True)
class Node:
    plane: Plane
    holder: Server

    @property
    def enter(self) -> list[str]:
        """Before a command that runs inside. It ends with whoever waits for it here."""
        first = _first_process(self.holder)
        return ["nsenter", f"--target={first}", "--net", "--pid", "--mount", "--", "setpriv", "--pdeathsig=KILL", "--"]

    def load(self, image: Path) -> None:
        """Imports every image of an OCI archive, under the names that stand in it."""
        self.run(
            "ctr", f"--address={SOCKET}", "--namespace=k8s.io", "images", "import", "--no-unpack=false", str(image)
        )

    def images(self) -> set[str]:
        """Their names."""
        return set(self.run("ctr", f"--address={SOCKET}", "--namespace=k8s.io", "images", "list", "--quiet").split())

    def run(self, *command: str, seconds: float = SECONDS) -> str:
        """What a command said that ran inside. Raises BackendError with its last word."""
        tree = packages()
        ended = subprocess.run(
            [*self.enter, *command], capture_output=True, text=True, check=False, timeout=seconds,
            env=os.environ | environment(tree),
        )  # fmt: skip
        if ended.returncode != 0:
            said = (ended.stderr or ended.stdout).strip().splitlines() or ["it said nothing"]
            raise BackendError(f"{command[0]} failed on the cluster's node: {said[-1]}")
        return ended.stdout


def packages() -> Path:
    """The tree that Debian's packages are unpacked in: nothing is installed, and no service started."""
    return keep(debian.TREE, " ".join(DEBIAN), lambda into: debian.unpack("The cluster's node", into, *DEBIAN))


def environment(tree: Path) -> dict[str, str]:
    places = [str(tree / "usr" / "sbin"), str(tree / "usr" / "bin"), os.environ.get("PATH", os.defpath)]
    return debian.libraries(tree) | {"PATH": os.pathsep.join(places)}


def start(plane: Plane) -> Node:
    tree = packages()
    node = Node(plane, _holder(plane))
    _make_cgroups(plane)
    _containerd(node, tree)
    node.load(archive.of_program(binary("pause"), PAUSE, plane.folder / "pause.tar"))
    _kubelet(node, tree)
    _kube_proxy(node, tree)
    _coredns(node)
    _route(plane.network)
    _wait_ready(node)
    return node


def found(plane: Plane) -> Node | None:
    """The node of a control plane, or None where a part of it does not run."""
    holder = running(HOLDER, plane.folder)
    whole = holder and all(running(name, plane.folder) for name in PROGRAMS)
    return Node(plane, holder) if holder and whole else None


# The namespaces


def _holder(plane: Plane) -> Server:
    log = plane.folder / HOLDER / "pods"
    log.mkdir(parents=True, exist_ok=True)
    steps = ["mount -t tmpfs -o mode=755 tmpfs /run", "mkdir /run/sysctl", f"mount --bind {log} /var/log"]
    for name, value in SYSCTLS.items():
        own = f"/run/sysctl/{name.replace('/', '.')}"
        steps += [f"echo {value} >{own}", f"mount --bind {own} /proc/sys/{name}"]
    steps += ["echo 1 >/proc/sys/net/ipv4/ip_forward", "touch /run/ready", f"exec {binary('pause')}"]
    script = " && ".join(steps)
    apart = ["unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc", "--propagation=private", "--"]
    command = [*plane.network.enter, *apart, "sh", "-c", script]
    holder = serve(HOLDER, plane.folder, 0, lambda home, ports: Program(command, lambda: None, {"": ""}))
    deadline = time.monotonic() + SECONDS
    while not _apart(holder):
        if not holder.alive() or time.monotonic() > deadline:
            raise BackendError(f"The cluster's node has no namespaces of its own (log: {holder.folder / 'log'}).")
        time.sleep(0.02)
    return holder


def _first_process(holder: Server) -> int:
    children = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()
    if not children:
        raise BackendError("The cluster's node is not there.")
    return int(children[0])


def _apart(holder: Server) -> bool:
    try:
        return (Path("/proc") / str(_first_process(holder)) / "root" / "run" / "ready").exists()
    except (OSError, BackendError):
        return False


def _route(network: Network) -> None:
    """Goes with the cable."""
    subprocess.run(["ip", "route", "replace", network.pods, "via", network.inside], check=True, timeout=20)


# cgroups


def cgroup(network: Network) -> str:
    return network.cable


def hierarchies() -> list[Path]:
    """Of version 1 each has its own folder; of version 2 there is one for everything."""
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS]
    return [one for one in sorted(CGROUPS.iterdir()) if one.is_dir() and not one.is_symlink()]


def _make_cgroups(plane: Plane) -> None:
    name = cgroup(plane.network)
    (plane.folder / HOLDER / "cgroup").write_text(name)
    for hierarchy in hierarchies():
        (hierarchy / name).mkdir(exist_ok=True)
        for setting in ("cpuset.mems", "cpuset.cpus"):  # empty in a new one of version 1, which then takes nobody
            if (hierarchy / setting).exists() and not (hierarchy / name / setting).read_text().strip():
                (hierarchy / name / setting).write_text((hierarchy / setting).read_text())


def remove_cgroups(folder: Path) -> None:
    """Those of the node in that folder, once it is killed: a moment later they have nobody in them."""
    noted, deadline = folder / HOLDER / "cgroup", time.monotonic() + 20
    if not noted.exists():
        return
    name = noted.read_text()
    for hierarchy in hierarchies():
        for folder in sorted((hierarchy / name).glob("**/"), reverse=True):
            while folder.exists():
                try:
                    folder.rmdir()
                except OSError as error:
                    if time.monotonic() > deadline:
                        raise BackendError(f"{folder} cannot be removed: {error.strerror}.") from error
                    time.sleep(0.05)


# The programs


def _inside(node: Node, name: str, command: list[str], answers: Any, variables: dict[str, str]) -> Server:
    return serve(
        name, node.plane.folder, 0,
        lambda home, ports: Program([*node.enter, *command], answers, {"": name}, variables, SECONDS),
    )  # fmt: skip


def _write(file: Path, text: str) -> None:
    """Only what is new: kube-proxy ends when its settings are written."""
    if not file.exists() or file.read_text() != text:
        file.write_text(text)


def _containerd(node: Node, tree: Path) -> Server:
    folder = node.plane.folder / "containerd"
    networks = folder / "networks"
    networks.mkdir(parents=True, exist_ok=True)
    interface = {
        "type": "ptp",
        "ipam": {
            "type": "host-local",
            "dataDir": "/run/cni",
            "ranges": [[{"subnet": node.plane.network.pods}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    (networks / "wadi.conflist").write_text(json.dumps({"cniVersion": "1.0.0", "name": "wadi", "plugins": [interface]}))
    # oom_score_adj is left alone where this machine does not let us lower it.
    (folder / "config.toml").write_text(
        f"""version = 2
root = "{folder / "root"}"
state = "/run/containerd/state"
disabled_plugins = [{", ".join(f'"io.containerd.snapshotter.v1.{name}"' for name in ("btrfs", "devmapper", "zfs"))}]
[grpc]
address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
BinaryName = "{tree / "usr" / "sbin" / "runc"}"
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{tree / "usr" / "lib" / "cni"}"
conf_dir = "{networks}"
"""
    )
    command = [str(tree / "usr" / "bin" / "containerd"), f"--config={folder / 'config.toml'}"]
    answers = lambda: node.run("ctr", f"--address={SOCKET}", "version", seconds=10)  # noqa: E731
    return _inside(node, "containerd", command, answers, environment(tree))


def _kubelet(node: Node, tree: Path) -> Server:
    plane, folder = node.plane, node.plane.folder / "kubelet"
    folder.mkdir(exist_ok=True)
    certificates = plane.certificates
    (folder / "resolv.conf").write_text("")  # nothing outside of the cluster is looked up
    settings = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": plane.network.inside,
        "authentication": {"anonymous": {"enabled": False}, "x509": {"clientCAFile": str(certificates / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificates / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(certificates / "kubelet-server.key"),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup(plane.network)}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [plane.network.inside],
        "clusterDomain": DOMAIN,
        "resolvConf": str(folder / "resolv.conf"),
        "maxPods": PODS,
        "podLogsDir": "/var/log/pods",
        "healthzBindAddress": plane.network.inside,
        # An image that was removed for room could not be had again: there is no registry.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi"},
        # A pod's readiness is what a cold start waits for.
        "syncFrequency": "10s",
    }
    _write(folder / "config.yaml", yaml.safe_dump(settings))
    command = [
        str(binary("kubelet")),
        f"--config={folder / 'config.yaml'}",
        f"--kubeconfig={plane.credentials('kubelet')}",
        f"--hostname-override={NODE}",
        f"--node-ip={plane.network.inside}",
        f"--root-dir={folder / 'data'}",
    ]
    url = f"http://{plane.network.inside}:10248/healthz"
    return _inside(node, "kubelet", command, lambda: httpx.get(url, timeout=5).raise_for_status(), environment(tree))


def _kube_proxy(node: Node, tree: Path) -> Server:
    plane, folder = node.plane, node.plane.folder / "kube-proxy"
    folder.mkdir(exist_ok=True)
    settings = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(plane.credentials("kube-proxy"))},
        "mode": "nftables",
        "clusterCIDR": plane.network.pods,
        "hostnameOverride": NODE,
        "healthzBindAddress": f"{plane.network.inside}:10256",
        "metricsBindAddress": f"{plane.network.inside}:10249",
        # These are the whole machine's, and not a namespace's to change.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
    _write(folder / "config.yaml", yaml.safe_dump(settings))
    command = [str(binary("kube-proxy")), f"--config={folder / 'config.yaml'}"]
    url = f"http://{plane.network.inside}:10256/livez"
    return _inside(node, "kube-proxy", command, lambda: httpx.get(url, timeout=5).raise_for_status(), environment(tree))


def _coredns(node: Node) -> Server:
    plane, folder = node.plane, node.plane.folder / "coredns"
    folder.mkdir(exist_ok=True)
    inside = plane.network.inside
    (folder / "Corefile").write_text(
        f""".:53 {{
    bind {inside}
    errors
    health {inside}:8053
    ready {inside}:8054
    kubernetes {DOMAIN} in-addr.arpa {{
        kubeconfig {plane.kubeconfig}
        ttl 5
    }}
    cache 5
}}
"""
    )
    command = [str(binary("coredns")), "-conf", str(folder / "Corefile")]
    url = f"http://{inside}:8054/ready"
    return _inside(node, "coredns", command, lambda: httpx.get(url, timeout=5).raise_for_status(), {})


def _wait_ready(node: Node) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        state = node.plane.get("nodes").get("items", [])
        ready = [one for item in state for one in item["status"].get("conditions", []) if one["type"] == "Ready"]
        if ready and ready[0]["status"] == "True":
            return
        if time.monotonic() > deadline:
            why = ready[0]["message"] if ready else "the kubelet has not registered it"
            raise BackendError(f"The cluster's node does not get ready: {why}")
        time.sleep(0.2)
