"""Shows the nodes: what they hold, whether they answer, their part of the ring, and how far the rebalancing is."""

from shared.runtime.function import ADMIN, Context, http_function
from shared.storage.nodes.overview import Overview, overview


@http_function("GET /api/nodes", access=ADMIN)
def list_nodes(context: Context) -> Overview:
    with context.transaction() as tx:
        return overview(tx)
