"""Nodes from the locations that the settings name."""

import logging

from shared.config import ConfigError, setting
from shared.db import Transaction
from shared.objects import NodeFull, NodeUnavailable
from shared.objects.factory import create_store, identity_of
from shared.storage.nodes.location import declared, local_stores
from shared.storage.nodes.state import forget_location, insert

REGISTER_LOCK = 7_236_910_020

log = logging.getLogger("wadi.storage")


def register(tx: Transaction) -> None:
    """Makes nodes of the locations that the settings name, as far as they are not nodes already.

    A location that was a node and is not there any more (a disk that is not mounted) stays a node, unavailable.
    Raises ConfigError when a new one cannot be made.
    """
    tx.execute("select pg_advisory_xact_lock(%s)", (REGISTER_LOCK,))
    for each in declared():
        known = tx.value(str, "select id from node where location = %s", (each.location,))
        try:
            node_id = identity_of(*each)
            if known and node_id in (None, known):
                if node_id is None:
                    log.warning("node %s: %s is not there. Is its disk mounted?", known, each.location)
                continue
            if node_id is None:
                node_id = free_id(tx)
                create_store(node_id, *each)
        except (NodeUnavailable, NodeFull) as error:
            if known and each.kind == "s3":
                log.warning("node %s: %s", known, error)
                continue
            raise ConfigError(f"{_named()}: a node cannot be made: {error}") from error
        if known:  # another disk was mounted where this node used to be
            forget_location(tx, each.location)
        insert(tx, node_id, each)


def free_id(tx: Transaction) -> str:
    """A name that no node has, on this machine or in the database."""
    taken = set(tx.values(str, "select id from node")) | set(local_stores())
    return next(name for name in (f"node-{n}" for n in range(1, len(taken) + 2)) if name not in taken)


def _named() -> str:
    return next((name for name in ("AWS_S3_BUCKET", "WADI_NODES") if setting(name)), "WADI_DATA")
