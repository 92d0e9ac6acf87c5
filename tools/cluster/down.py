"""`./task cluster:down`: ends every process of a cluster, however much of it there is, and removes what it left."""

import shutil
from pathlib import Path

from tools.cluster import network, node, processes

OURS = ("env", "wadi", "wadi-broker", "jwt-secret", "backends", "state")  # the images stay


def end(folder: Path) -> None:
    """At once: nothing of it is kept, and nothing of it is asked anything, since any part may be dead or hang."""
    state = folder / "state"
    processes.kill(folder)
    network.unplug(state)
    node.remove_cgroups(state)
    for path in (folder / name for name in OURS):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
