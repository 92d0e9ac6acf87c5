"""`./task cluster:down`: ends every process of a cluster, however much of it there is, and removes what it left."""

import shutil
from pathlib import Path

import backends.__main__ as servers
from backends.server import running
from cluster import node

OURS = ("env", "wadi", "wadi-broker", "jwt-secret", "backends", "state")  # the images stay


def end(folder: Path) -> None:
    """At once: nothing of it is kept. The network's and the node's first processes are the last ones."""
    state = folder / "state"
    names = sorted((one.name for one in state.glob("*/") if one.name not in node.LAST), key=_order)
    for name in [*names, *node.LAST]:
        if found := running(name, state):
            node.kill(found) if name == node.HOLDER else found.kill()
    node.remove_cgroups(state)
    if (folder / "backends").exists():
        for name in servers.MODULES:
            if found := servers.running(name, folder / "backends"):
                found.kill()
    for path in (folder / name for name in OURS):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _order(name: str) -> bool:
    """etcd after those that would complain of its absence."""
    return name == "etcd"
