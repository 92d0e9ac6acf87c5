"""`./task cluster:up`: everything from the network to Knative, the real servers beside it, and our own images in it.

    .cluster/env       KEY=value: KUBECONFIG, KUBECTL, KN, GATEWAY_URL, OVERLAY, and the servers' addresses and secrets
            /wadi      knative/overlays/cluster with those addresses: ./task deploy -- --overlay .cluster/wadi
            /state     the cluster's processes, a folder each
            /backends  the servers'
            /images    the images, which stay when the cluster goes

What is found running whole is left as it is, but for our images: those of the code as it is now are brought to it.
What is found half is ended, and all is made anew.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tools.backends.__main__ as servers
from tools.backends.cache import BackendError
from tools.backends.server import running
from tools.cluster import down, eventing, network, node, plane, serving, standins, wadi, webhooks
from tools.cluster.build import binary
from tools.cluster.node import Node
from tools.cluster.ours import Making, load
from tools.cluster.plane import Plane, Refused
from tools.images import Image, ImageError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cluster"
Say = Callable[[str], None]


def up(folder: Path, say: Say) -> dict[str, str]:
    """What stands in FOLDER/env. Raises BackendError or Refused; what has started by then is ended."""
    if os.geteuid() != 0:
        raise BackendError("A cluster needs root: it makes namespaces and cgroups.")
    with alone(folder, say):
        if found := _whole(folder):
            say("The cluster runs already.")
            _renew(folder, found, say)
            return found
        down.end(folder)
        try:
            return _up(folder, say)
        except BaseException:
            down.end(folder)
            raise


def read_env(folder: Path) -> dict[str, str]:
    try:
        lines = (folder / "env").read_text().splitlines()
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines)


@contextmanager
def alone(folder: Path, say: Say) -> Iterator[None]:
    """A second caller waits, then finds the cluster running."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another cluster:up or cluster:down is at work; this one waits for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def parts(folder: Path) -> dict[str, bool]:
    """What a cluster consists of, and whether it runs."""
    releases = (webhooks.SERVING.deployment, webhooks.EVENTING.deployment)
    names = (network.NAME, *reversed(plane.PROCESSES), "node", *reversed(node.PROGRAMS), *releases, *standins.NAMES)
    found = {name: running(name, folder / "state") is not None for name in names}
    # The servers listen on an address that goes with the network; without it each would be waited for in vain.
    reached = found[network.NAME]
    return found | {one.NAME: reached and _serves(one.NAME, folder / "backends") for one in wadi.BACKENDS}


def _serves(name: str, folder: Path) -> bool:
    try:
        return servers.running(name, folder) is not None
    except BackendError:  # it runs, and does not answer
        return False


def _whole(folder: Path) -> dict[str, str]:
    return read_env(folder) if all(parts(folder).values()) else {}


@dataclass(frozen=True)
class Clock:
    say: Say
    began: float

    def __call__(self, what: str) -> None:
        self.say(f"{time.monotonic() - self.began:5.1f} s  {what}")


def _up(folder: Path, say: Say) -> dict[str, str]:
    state, clock = folder / "state", Clock(say, time.monotonic())
    state.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as workers:
        making = Making(folder / "images")
        try:
            releases = [workers.submit(one.release) for one in (serving, eventing)]
            cable = network.start(state)
            reached = workers.submit(wadi.backends, folder, cable.host)
            control = plane.start(state, cable, pods=True)
            clock("control plane")
            machine = workers.submit(node.start, control)
            for defined in [workers.submit(one.result().define, control) for one in releases]:
                defined.result()
            standins.define(control)
            clock("Knative's definitions and webhooks")
            here, addresses = machine.result(), reached.result()
            clock("node and servers")
            loaded = workers.submit(_images, making, here, say)
            for running_now in [workers.submit(one.result().run, here) for one in releases]:
                running_now.result()
            gateway = standins.start(control)
            clock("Knative Serving and Eventing")
            images = loaded.result()
            clock("images")
        except BaseException:
            making.end()  # else leaving here would wait for it
            raise
    overlay = wadi.overlay(folder, addresses, gateway.url, images or {})
    return _write_env(folder, control, addresses | {"GATEWAY_URL": gateway.url, "OVERLAY": str(overlay)})


def _renew(folder: Path, env: Mapping[str, str], say: Say) -> None:
    """The overlay names the images of the code as it is now; what is deployed stays as it is."""
    cable = network.found(folder / "state")
    control = plane.found(folder / "state", cable) if cable else None
    here = node.found(control) if control else None
    if here and (images := _images(Making(folder / "images"), here, say)):
        wadi.overlay(folder, env, env["GATEWAY_URL"], images)


def _images(making: Making, here: Node, say: Say) -> dict[str, Image] | None:
    """Ours, on the node. The cluster is one without them too, but for what is ours."""
    try:
        made = making.result()
    except ImageError as error:
        say(f"{error} Without them there are no functions here; ./task cluster:up brings them later.")
        return None
    for reference in load(here, made):
        say(f"{reference} is on the node.")
    return made


def _write_env(folder: Path, control: Plane, addresses: dict[str, str]) -> dict[str, str]:
    env = {
        "KUBECONFIG": str(control.kubeconfig),
        "KUBECTL": str(binary("kubectl")),
        "KN": str(binary("kn")),
    } | addresses
    new = folder / "env.new"
    new.touch(mode=0o600)
    new.write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    new.rename(folder / "env")
    return env


__all__ = ["FOLDER", "Refused", "alone", "parts", "read_env", "up"]
