"""Changes a node's weight or zone; the objects follow."""

from typing import Annotated

from msgspec import Meta, Struct

from events import NodeAdded
from shared.outbox import publish
from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.nodes.admin import known
from shared.storage.nodes.overview import NodeView, view
from shared.storage.nodes.state import set_weight


class UpdateNode(Struct):
    id: str
    weight: Annotated[float, Meta(ge=0, le=1000)] | None = None
    zone: Annotated[str, Meta(max_length=100)] | None = None


@http_function("PATCH /api/nodes/{id}", access=ADMIN)
def update_node(request: UpdateNode, context: Context) -> NodeView:
    with context.transaction() as tx:
        node = known(tx, request.id)
        weight = node.weight if request.weight is None else request.weight
        zone = node.zone if request.zone is None else request.zone
        if (weight, zone) != (node.weight, node.zone):
            set_weight(tx, node.id, weight, zone)
            publish(tx, NodeAdded(node.id))
        return view(tx, node.id)
