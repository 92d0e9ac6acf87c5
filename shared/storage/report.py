"""What is stored, by tier, and what the cold tier saves."""

from msgspec import Struct

from shared.config import integer
from shared.db import Transaction
from shared.storage.deletion_queue import queue_length
from shared.storage.erasure.freeze import enabled, impediment
from shared.storage.nodes.nodes import load
from shared.storage.placement.replicate import replicas_wanted

# An object that has both is on its way from one tier to the other: its shards are what counts it as cold.
_TIERS = """
    select case when o.key like 'sources/%%' then 'sources' when s.bytes is null then 'hot' else 'cold' end as tier,
        count(*) as objects, coalesce(sum(o.size), 0)::bigint as bytes,
        coalesce(sum(r.copies), 0)::bigint as replicas,
        coalesce(sum(o.size * r.copies + coalesce(s.bytes, 0)), 0)::bigint as stored_bytes
    from object o
    cross join lateral (select count(*) as copies from replica where object_key = o.key) r
    cross join lateral (select sum(size) as bytes from shard where object_key = o.key) s
    group by 1
"""


class Tier(Struct):
    """`bytes` is what the objects are, `stored_bytes` what they take on all nodes."""

    objects: int = 0
    bytes: int = 0
    replicas: int = 0
    stored_bytes: int = 0


class _TierRow(Tier, kw_only=True):
    tier: str


class Report(Struct):
    """`saved_bytes`: what the cold tier takes less than replicas would. `waiting_removals`: what is to go from nodes,
    as soon as they answer. `freezing`: whether it is on, and why not where it cannot."""

    hot: Tier
    cold: Tier
    sources: Tier
    replication_factor: int
    replicated_bytes: int
    stored_bytes: int
    saved_bytes: int
    waiting_removals: int
    freeze_after_days: int
    freezing: str


def report(tx: Transaction) -> Report:
    tiers = {
        row.tier: Tier(row.objects, row.bytes, row.replicas, row.stored_bytes) for row in tx.all(_TierRow, _TIERS, {})
    }
    nodes = load(tx)
    factor = replicas_wanted(nodes)
    hot, cold, sources = (tiers.get(name, Tier()) for name in ("hot", "cold", "sources"))
    stored = hot.stored_bytes + cold.stored_bytes + sources.stored_bytes
    saved = cold.bytes * factor - cold.stored_bytes
    return Report(
        hot,
        cold,
        sources,
        factor,
        stored + saved,
        stored,
        saved,
        queue_length(tx),
        integer("FREEZE_AFTER_DAYS"),
        (impediment(nodes) or "on") if enabled() else "off: FREEZE_AFTER_DAYS is 0",
    )
