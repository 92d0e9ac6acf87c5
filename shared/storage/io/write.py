"""New objects in: the first replica."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from shared.db import transaction
from shared.objects import NodeFull, NodeUnavailable, ObjectStore
from shared.storage.model import ObjectRef, Replica
from shared.storage.nodes.nodes import Nodes, load

log = logging.getLogger("wadi.storage")

T = TypeVar("T")


def store_file(key: str, path: Path, video_id: str | None) -> Replica:
    """Writes the first replica: on the first node of the key's order that takes it. Writes nothing to the database.

    Raises NodeFull or NodeUnavailable when no node takes it.
    """
    with transaction() as tx:
        nodes = load(tx)
    store, info = on_first(nodes, key, path.stat().st_size, lambda store: store.put_file(key, path))
    return Replica(ObjectRef(key, info.size, info.sha256, info.part_size, video_id), store.id)


def on_first(nodes: Nodes, key: str, size: int, write: Callable[[ObjectStore], T]) -> tuple[ObjectStore, T]:
    """Calls `write` with the nodes of the key's order that have room for `size` bytes, until one takes it.

    Returns that node's store, and what `write` returned. Raises NodeFull or NodeUnavailable when none takes it.
    """
    refused: NodeFull | NodeUnavailable = NodeUnavailable("there is no node that takes objects")
    for store in nodes.order(key):
        try:
            free = store.free()
            if free is not None and free < size:
                raise NodeFull(f"{size} bytes are needed and {free} are free")
            return store, write(store)
        except (NodeFull, NodeUnavailable) as error:
            log.warning("%s cannot be written to %s: %s", key, store.id, error)
            refused = error
    raise refused
