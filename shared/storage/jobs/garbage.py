"""Finds what belongs to nobody on the nodes, and removes it once it has belonged to nobody for a while.

What belongs to somebody: an object of a video that is there, on a node that is recorded to have it (as a replica or a
shard); an object of no video that has a row; an upload that is open. Everything else is first written down, with the
time that its node says it was written, and is removed when it is found unchanged and still belongs to nobody after
GARBAGE_GRACE_HOURS of the database's clock: whoever stores bytes and has not recorded them yet has that long.
"""

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from shared import coordination
from shared.config import integer
from shared.db import Transaction, Transactions
from shared.objects import InvalidKey, NodeUnavailable, ObjectStore, check_key
from shared.storage.nodes.nodes import load
from shared.telemetry import metrics

LOCK, LEASE_SECONDS = "collect-garbage", 30
BATCH = 500

log = logging.getLogger("wadi.storage")

_THERE = "(o.video_id is null or exists (select 1 from video v where v.id = o.video_id and v.state <> 'deleted'))"
# A copy that is not recorded for its node is garbage only while the object has others: else it may be the last one.
_OWNED = f"""
    select t.key, t.upload from unnest(%(keys)s::text[], %(uploads)s::text[]) as t (key, upload)
    where case when t.upload <> '' then
        exists (select 1 from upload u where u.multipart_id = t.upload and u.state = 'open')
    else
        exists (
            select 1 from object o where o.key = t.key and {_THERE}
            and (exists (select 1 from replica r where r.object_key = o.key and r.node_id = %(node)s)
                 or exists (select 1 from lost_object l where l.object_key = o.key)
                 or not (exists (select 1 from replica r where r.object_key = o.key)
                         or exists (select 1 from shard s where s.object_key = o.key))))
        or exists (select 1 from shard s join object o on o.key = s.object_key
                   where s.node_id = %(node)s and s.key = t.key and {_THERE})
        or exists (select 1 from upload u where u.object_key = t.key and u.state = 'open')
    end
"""  # noqa: S608, all of it is written here


class Found(NamedTuple):
    """A thing on a node: an object, or, with `upload`, an upload in parts."""

    key: str
    upload: str
    size: int
    stored: float


def collect(transactions: Transactions, holder: str) -> int:
    """Looks through all nodes; how many things it removed. Raises Held, Deposed, Unavailable."""
    with coordination.lock(LOCK, holder, LEASE_SECONDS) as fence:
        fenced = fence.guard(transactions)
        removed = 0
        with fenced() as tx:
            stores = load(tx).all()
        for store in stores:
            try:
                _look(fenced, store)
                removed += _remove(fenced, store)
            except NodeUnavailable as error:
                log.warning("not searched for garbage: %s", error)
        with fenced() as tx:
            _forget(tx)
        metrics.GARBAGE_REMOVED.inc(removed)
        return removed


def listing(tx: Transaction, limit: int) -> list[dict[str, Any]]:
    """What would go, the next to go first."""
    return tx.all(
        "select node_id, key, upload, size, found_at, found_at + make_interval(hours => %s) as due_at,"
        " count(*) over () as total, sum(size) over ()::bigint as total_bytes"
        " from garbage where removed_at is null order by found_at, node_id, key, upload limit %s",
        (_grace(), limit),
    )


def _grace() -> int:
    return integer("GARBAGE_GRACE_HOURS", minimum=0)


def _look(transactions: Transactions, store: ObjectStore) -> None:
    """Writes down what belongs to nobody now, and strikes out what does."""
    for batch in _batches(_things(store)):
        with transactions() as tx:
            owned = _owned(tx, store.id, batch)
            loose = [each for each in batch if each not in owned]
            tx.execute_many(
                "insert into garbage (node_id, key, upload, size, stored) values %s"
                " on conflict (node_id, key, upload) do update"
                " set stored = excluded.stored, size = excluded.size, found_at = now(), removed_at = null"
                " where garbage.stored <> excluded.stored or garbage.removed_at is not null",
                [(store.id, *each) for each in loose],
            )
            for each in owned:
                tx.execute(
                    "delete from garbage where node_id = %s and key = %s and upload = %s",
                    (store.id, each.key, each.upload),
                )


def _things(store: ObjectStore) -> Iterator[Found]:
    for each in store.listing():
        try:
            yield Found(check_key(each.key), "", each.size, each.stored)
        except InvalidKey:  # no object of ours has such a name: whoever put it there may want it
            log.warning("%s holds %r, which is not ours", store.id, each.key)
    for upload in store.multiparts():
        yield Found(upload.key, upload.id, 0, upload.started)


def _batches(things: Iterable[Found]) -> Iterator[list[Found]]:
    each = iter(things)
    while batch := list(islice(each, BATCH)):
        yield batch


def _owned(tx: Transaction, node_id: str, things: list[Found]) -> set[Found]:
    rows = tx.all(
        _OWNED,
        {"node": node_id, "keys": [each.key for each in things], "uploads": [each.upload for each in things]},
    )
    owned = {(row["key"], row["upload"]) for row in rows}
    return {each for each in things if (each.key, each.upload) in owned}


def _remove(transactions: Transactions, store: ObjectStore) -> int:
    """Removes what is due. The row is held while the bytes go: see write.record_replica."""
    with transactions() as tx:
        due = tx.all(
            "select key, upload, size, stored from garbage where node_id = %s and removed_at is null"
            " and found_at <= now() - make_interval(hours => %s) order by found_at",
            (store.id, _grace()),
        )
    removed = 0
    for row in due:
        thing = Found(**row)
        with transactions() as tx:
            held = tx.one(
                "select 1 as there from garbage where node_id = %s and key = %s and upload = %s and removed_at is null"
                " and stored = %s for update",
                (store.id, thing.key, thing.upload, thing.stored),
            )
            if not held or _owned(tx, store.id, [thing]):
                continue
            if not _is_there(store, thing):
                tx.execute(
                    "delete from garbage where node_id = %s and key = %s and upload = %s",
                    (store.id, thing.key, thing.upload),
                )
                continue
            if thing.upload:
                store.forget_multipart(thing.key, thing.upload)
            else:
                store.delete(thing.key)
                # rows of a video that is no more
                tx.execute("delete from replica where object_key = %s and node_id = %s", (thing.key, store.id))
                tx.execute("delete from shard where key = %s and node_id = %s", (thing.key, store.id))
            tx.execute(
                "update garbage set removed_at = now() where node_id = %s and key = %s and upload = %s",
                (store.id, thing.key, thing.upload),
            )
        log.info("removed from %s, since it belonged to nobody: %s %s", store.id, thing.key, thing.upload)
        removed += 1
    return removed


def _is_there(store: ObjectStore, thing: Found) -> bool:
    """Whether it is the very thing that was found: bytes that were written again are somebody's."""
    if thing.upload:
        return any(each.id == thing.upload for each in store.multiparts())
    return any(each.key == thing.key and each.stored == thing.stored for each in store.listing(thing.key))


def _forget(tx: Transaction) -> None:
    """Rows of objects whose video is no more, once no node has anything of them; notes on what went long ago."""
    tx.execute(
        "delete from object o where o.video_id is not null and o.created_at < now() - make_interval(hours => %s)"
        " and not exists (select 1 from video v where v.id = o.video_id)"
        " and not exists (select 1 from replica r where r.object_key = o.key)"
        " and not exists (select 1 from shard s where s.object_key = o.key)",
        (_grace(),),
    )
    tx.execute("delete from garbage where removed_at < now() - make_interval(days => 30)")
