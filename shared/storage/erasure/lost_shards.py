"""Shards on nodes that are lost are rebuilt on others: of six two may be missing, and losses must not add up to three.

Corrupt ones are rebuilt by scrub, and those on nodes that can be read are moved by rebalance.
"""

import logging
import time

from msgspec import Struct

from shared.db import Transactions
from shared.objects import ObjectError
from shared.storage.erasure.read import rebuild_shard
from shared.storage.model import SHARDS
from shared.storage.nodes.nodes import Nodes, load

BATCH = 100

log = logging.getLogger("wadi.storage")

_LOST = """
    select s.object_key, s.number, s.node_id, s.key from shard s join node n on n.id = s.node_id
    where (n.lost_at is not null or n.state = 'removed') and s.key <> all(%(failed)s) limit %(batch)s
"""


class _LostShard(Struct):
    object_key: str
    number: int
    node_id: str
    key: str


def replace_lost_shards(transactions: Transactions, seconds: float) -> int:
    """Works for about so long, under a lock that the caller holds and `transactions` check; how many shards were
    rebuilt."""
    until, made, failed = time.monotonic() + seconds, 0, list[str]()
    while time.monotonic() < until and (batch := _batch(transactions, failed)):
        nodes, lost = batch
        for shard in lost:
            if _replaced(transactions, nodes, shard):
                made += 1
            else:
                failed.append(shard.key)
            if time.monotonic() >= until:
                break
    return made


def _batch(transactions: Transactions, failed: list[str]) -> tuple[Nodes, list[_LostShard]] | None:
    with transactions() as tx:
        lost = tx.all(_LostShard, _LOST, {"failed": failed, "batch": BATCH})
        return (load(tx), lost) if lost else None


def _replaced(transactions: Transactions, nodes: Nodes, shard: _LostShard) -> bool:
    with transactions() as tx:
        taken = set(tx.values(str, "select node_id from shard where object_key = %s", (shard.object_key,)))
    homes = nodes.homes(shard.object_key, SHARDS)
    target = next((name for name in [*homes, *sorted(nodes.active())] if name not in taken), None)
    if target is None:  # every node has one
        return False
    try:
        made = rebuild_shard(transactions, shard.object_key, shard.number, target)
    except ObjectError as error:
        log.error("the shard %s of %s, which is lost, cannot be rebuilt: %s", shard.key, shard.node_id, error)
        return False
    log.warning("the shard %s of %s, which is lost, is rebuilt on %s", shard.key, shard.node_id, target)
    return made
