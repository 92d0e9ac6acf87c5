"""Empties a node, then removes it; or removes one that is gone for good at once (`force`).

Refused when replicas would be lost or could not be placed elsewhere: the answer says how many.
"""

from msgspec import Struct

from events import NodeRemoved
from shared.outbox import publish
from shared.runtime.function import ADMIN, Accepted, Context, http_function
from shared.storage.nodes.admin import known, refuse_to_drain, refuse_to_lose
from shared.storage.nodes.overview import NodeView, view
from shared.storage.nodes.state import NodeState, remove, start_draining


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
            remove(tx, node.id)
            publish(tx, NodeRemoved(node.id))
        elif node.state is NodeState.ACTIVE:
            refuse_to_drain(tx, node)
            start_draining(tx, node.id)
            publish(tx, NodeRemoved(node.id))
        return Accepted(view(tx, node.id))
