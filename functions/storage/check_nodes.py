"""Looks after the nodes each minute: those that answer renew their leases, the others become suspect, then lost."""

from shared.runtime.function import Context, ping_function
from shared.storage.nodes.health import answering, note, renew
from shared.storage.nodes.nodes import load, note_directories


@ping_function()
def check_nodes(context: Context) -> None:
    with context.transaction() as tx:
        nodes = list(load(tx))
    alive = renew(answering(node for node in nodes if node.state != "removed"))
    with context.transaction() as tx:
        note(tx, alive)
    note_directories(nodes)
