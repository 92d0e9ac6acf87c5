"""Empties a node, then removes it; or lets go at once of one that is gone for good (`force`).

Refused when replicas would be lost or could not be placed elsewhere: the answer says how many.
"""

from msgspec import Struct

from events import NodeRemoved
from shared.outbox import publish
from shared.runtime.function import ADMIN, Accepted, Context, http_function
from shared.storage.nodes.registry import NodeView, known, refuse_to_drain, refuse_to_lose, view


class RemoveNode(Struct):
    """`force`: do not read it any more. `lose`: give up exactly so many objects, of which it has the last replica."""

    id: str
    force: bool = False
    lose: int = 0


@http_function("DELETE /api/nodes/{id}", access=ADMIN)
def remove_node(request: RemoveNode, context: Context) -> Accepted[NodeView]:
    with context.transaction() as tx:
        node = known(tx, request.id)
        if request.force:
            refuse_to_lose(tx, node, request.lose)
        elif node.state == "active":
            refuse_to_drain(tx, node)
        state = "removed" if request.force else "draining"
        if state != node.state:
            tx.execute("update node set state = %s where id = %s", (state, node.id))
            publish(tx, NodeRemoved(node.id))
        return Accepted(view(tx, node.id))
