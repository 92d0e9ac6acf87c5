"""Takes a directory or a bucket as a node. It is tried first; then objects that belong there are moved to it."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from events import NodeAdded
from shared.outbox import publish
from shared.runtime.function import ADMIN, Context, Created, http_function
from shared.storage.nodes.admin import add
from shared.storage.nodes.location import NodeLocation
from shared.storage.nodes.nodes import load, note_directories
from shared.storage.nodes.overview import NodeView, view


class AddNode(Struct):
    """`location`: a directory's path, or s3://bucket/prefix with `options` endpoint, region, profile, public."""

    location: Annotated[str, Meta(min_length=1, max_length=1000)]
    kind: Literal["directory", "s3"] = "directory"
    weight: Annotated[float, Meta(ge=0, le=1000)] = 1.0
    zone: Annotated[str, Meta(max_length=100)] = ""
    options: dict[str, str] = field(default_factory=dict[str, str])


@http_function("POST /api/nodes", access=ADMIN)
def add_node(request: AddNode, context: Context) -> Created[NodeView]:
    options: dict[str, Any] = dict(request.options)
    with context.transaction() as tx:
        node_id = add(tx, NodeLocation(request.kind, request.location, options), request.weight, request.zone)
        publish(tx, NodeAdded(node_id))
        nodes, answer = list(load(tx)), view(tx, node_id)
    note_directories(nodes)
    return Created(answer)
