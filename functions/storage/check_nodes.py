"""Probes the nodes each minute: those that answer renew their leases, the others become suspect, then lost."""

from shared.runtime.function import Context, ping_function
from shared.storage.nodes.health import answering, renew, update_health
from shared.storage.nodes.nodes import load, note_directories
from shared.storage.nodes.state import NodeState


@ping_function()
def check_nodes(context: Context) -> None:
    with context.transaction() as tx:
        nodes = list(load(tx))
    alive = renew(answering(node for node in nodes if node.state is not NodeState.REMOVED))
    with context.transaction() as tx:
        update_health(tx, alive)
    note_directories(nodes)
