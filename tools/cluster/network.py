"""A network of our own on this machine: a namespace with one cable to the rest of it.

    this machine  HOST ──── veth ──── INSIDE  the namespace

Knative's programs listen on fixed ports, on every address they have: in a namespace they are in nobody's way and out of
nobody's reach, and two clusters do not meet. What runs outside of it, as etcd and the API server do, is reached from
inside by HOST. A namespace lives as long as a process in it: `sleep`, which is what is kept of it.
"""

import os
import re
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from tools.backends.cache import BackendError, tool
from tools.backends.server import Program, Server, running, serve

NAME = "network"
CABLE = "wadi"  # cables' names begin so: `ip link` shows whose they are
SUBNETS = [str(one) for one in ip_network("10.213.0.0/16").subnets(new_prefix=24)]


@dataclass(frozen=True)
class Network:
    """`enter` before a command runs it inside; the process keeps its number and is seen from outside."""

    host: str
    inside: str
    holder: Server

    @property
    def cable(self) -> str:
        """Its name on this machine, which no other cluster's has."""
        return f"{CABLE}{self.host.split('.')[2]}"

    @property
    def pods(self) -> str:
        """The subnet of pods' addresses, which no other cluster's have."""
        return f"10.214.{self.host.split('.')[2]}.0/24"

    @property
    def enter(self) -> list[str]:
        return ["nsenter", "--target", str(self.holder.pid), "--net", "--"]

    def stop(self) -> None:
        """The cable goes with the namespace, and that with its last process."""
        self.holder.kill()


def start(folder: Path) -> Network:
    """The network of a folder, found or made. Raises BackendError, also without the rights for it."""
    if os.geteuid() != 0:
        raise BackendError("A cluster needs root: it makes a network namespace of its own.")
    for program, package in (("unshare", "util-linux"), ("nsenter", "util-linux"), ("ip", "iproute2")):
        tool(NAME, program, package)
    known = found(folder)
    if known is not None:
        return known
    command = ["unshare", "--net", "--", str(shutil.which("sleep")), "infinity"]
    holder = serve(NAME, folder, 0, lambda home, ports: Program(command, lambda: None, {"": ""}))
    try:
        return _connect(holder)
    except BaseException:
        holder.kill()
        raise


def unplug(folder: Path) -> None:
    """Once the processes of the network of a folder are ended: its cable goes now, not when the kernel gets to it."""
    for cable in Path("/sys/class/net").glob(f"{CABLE}*"):
        with suppress(OSError, BackendError):  # or the kernel was sooner
            if (cable / "ifalias").read_text().strip() == _alias(folder):
                _ip("link", "delete", cable.name)


def found(folder: Path) -> Network | None:
    """The network of a folder, or None where it does not run."""
    holder = running(NAME, folder)
    if holder is None:
        return None
    try:
        host, inside = (holder.folder / "addresses").read_text().split()
    except (OSError, ValueError):
        holder.kill()
        return None
    return Network(host, inside, holder)


def _connect(holder: Server) -> Network:
    """The first subnet that no other cable here has; another that takes it meanwhile makes `ip` refuse the name."""
    _wait_apart(holder)
    reason = "no subnet is free"
    for subnet in _unused():
        host, inside = (str(one) for one in list(ip_network(subnet).hosts())[:2])
        cable = f"{CABLE}{subnet.split('.')[2]}"
        network = Network(host, inside, holder)
        try:
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", str(holder.pid))
        except BackendError as error:
            reason = str(error)
            continue
        _ip("link", "set", cable, "alias", _alias(holder.folder.parent))
        _ip("address", "add", f"{host}/24", "dev", cable)
        _ip("link", "set", cable, "up")
        for arguments in (
            ("link", "set", "lo", "up"),
            ("address", "add", f"{inside}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("route", "add", "default", "via", host),
        ):
            _ip(*arguments, within=network.enter)
        (holder.folder / "addresses").write_text(f"{host} {inside}\n")
        return network
    raise BackendError(f"No network for the cluster: {reason}.")


def _alias(folder: Path) -> str:
    """Whose a cable is: `ip link` shows it. The kernel keeps 255 bytes."""
    return str(folder.absolute())[-255:]


def _wait_apart(holder: Server) -> None:
    """Until the process has left this machine's network: whoever enters it before would stay in that."""
    ours, deadline = Path("/proc/self/ns/net").readlink(), time.monotonic() + 20
    while (Path("/proc") / str(holder.pid) / "ns" / "net").readlink() == ours:
        if time.monotonic() > deadline or not holder.alive():
            raise BackendError(f"No network for the cluster: unshare made none (log: {holder.folder / 'log'}).")
        time.sleep(0.01)


def _unused() -> list[str]:
    used = set(re.findall(r"\d+\.\d+\.\d+\.0/24", _ip("route", "show", "table", "all")))
    return [one for one in SUBNETS if one not in used]


def _ip(*arguments: str, within: list[str] | None = None) -> str:
    command = [*(within or []), "ip", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    if ended.returncode != 0:
        raise BackendError(f"No network for the cluster: ip {' '.join(arguments)}: {ended.stderr.strip()}")
    return ended.stdout
