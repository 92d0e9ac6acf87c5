"""Shards on nodes that are lost, made anew on others: of six two may be missing, and losses must not add up to three.

Damaged ones are scrub's, and those on nodes that can be read from rebalance moves.
"""

import logging
import time
from typing import Any

from shared import coordination
from shared.db import Transactions
from shared.objects import ObjectError
from shared.storage.erasure.code import SHARDS
from shared.storage.erasure.read import rebuild_shard
from shared.storage.nodes.nodes import Nodes, load

LOCK, LEASE_SECONDS = "replace-shards", 30
BATCH = 100

log = logging.getLogger("wadi.storage")

_LOST = """
    select s.object_key, s.number, s.node_id, s.key from shard s join node n on n.id = s.node_id
    where (n.lost_at is not null or n.state = 'removed') and s.key <> all(%(passed)s) limit %(batch)s
"""


def replace_lost_shards(transactions: Transactions, holder: str, seconds: float) -> int:
    """Works for about so long; how many shards were made anew. Raises Held, Deposed, Unavailable."""
    with coordination.lock(LOCK, holder, LEASE_SECONDS) as fence:
        fenced = fence.guard(transactions)
        until, made, passed = time.monotonic() + seconds, 0, list[str]()
        while time.monotonic() < until and (batch := _batch(fenced, passed)):
            nodes, lost = batch
            for row in lost:
                if _replaced(fenced, nodes, row):
                    made += 1
                else:
                    passed.append(row["key"])
                if time.monotonic() >= until:
                    break
        return made


def _batch(transactions: Transactions, passed: list[str]) -> tuple[Nodes, list[dict[str, Any]]] | None:
    with transactions() as tx:
        rows = tx.all(_LOST, {"passed": passed, "batch": BATCH})
        return (load(tx), rows) if rows else None


def _replaced(transactions: Transactions, nodes: Nodes, row: dict[str, Any]) -> bool:
    with transactions() as tx:
        taken = {
            each["node_id"] for each in tx.all("select node_id from shard where object_key = %s", (row["object_key"],))
        }
    near = nodes.homes(row["object_key"], SHARDS)
    target = next((name for name in [*near, *sorted(nodes.active())] if name not in taken), None)
    if target is None:  # every node has one
        return False
    try:
        made = rebuild_shard(transactions, row["object_key"], row["number"], target)
    except ObjectError as error:
        log.error("the shard %s of %s, which is lost, has no successor: %s", row["key"], row["node_id"], error)
        return False
    log.warning("the shard %s of %s, which is lost, is made anew on %s", row["key"], row["node_id"], target)
    return made
