"""Garbage collection: finds what nothing refers to on the nodes, and deletes it when that has not changed for a while.

In use is: an object of a video that exists, on a node that is recorded to have it (as a replica or a shard); an object
of no video that has a row; an upload that is open. Everything else is first written down, with the time that its node
says it was written, and is deleted when it is found unchanged and still not in use after GARBAGE_GRACE_HOURS of the
database's clock: that is how long storing bytes and recording them may take.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from shared.config import integer
from shared.db import Transaction, Transactions
from shared.objects import InvalidKey, NodeUnavailable, ObjectStore, check_key
from shared.storage.nodes.nodes import load
from shared.telemetry import metrics

BATCH = 500

log = logging.getLogger("wadi.storage")

_VIDEO_EXISTS = (
    "(o.video_id is null or exists (select 1 from video v where v.id = o.video_id and v.state <> 'deleted'))"
)
# A copy that is not recorded for its node is garbage only while the object has others: else it may be the last one.
_IN_USE = f"""
    select t.key, t.upload from unnest(%(keys)s::text[], %(uploads)s::text[]) as t (key, upload)
    where case when t.upload <> '' then
        exists (select 1 from upload u where u.multipart_id = t.upload and u.state = 'open')
    else
        exists (
            select 1 from object o where o.key = t.key and {_VIDEO_EXISTS}
            and (exists (select 1 from replica r where r.object_key = o.key and r.node_id = %(node)s)
                 or exists (select 1 from lost_object l where l.object_key = o.key)
                 or not (exists (select 1 from replica r where r.object_key = o.key)
                         or exists (select 1 from shard s where s.object_key = o.key))))
        or exists (select 1 from shard s join object o on o.key = s.object_key
                   where s.node_id = %(node)s and s.key = t.key and {_VIDEO_EXISTS})
        or exists (select 1 from upload u where u.object_key = t.key and u.state = 'open')
    end
"""  # noqa: S608, all of it is written here


class Found(NamedTuple):
    """An object on a node, or, with `upload`, an upload in parts."""

    key: str
    upload: str
    size: int
    stored: float


class Garbage(Struct):
    """An object, or an upload in parts. `due_at`: it goes then, unless it belongs to somebody by that time."""

    node_id: str
    key: str
    upload: str
    size: int
    found_at: datetime
    due_at: datetime


class GarbageTotal(Struct):
    count: int
    bytes: int


def collect(transactions: Transactions) -> int:
    """Searches all nodes, under a lock that the caller holds and `transactions` check; how many things were deleted."""
    deleted = 0
    with transactions() as tx:
        stores = load(tx).all()
    for store in stores:
        try:
            _search(transactions, store)
            deleted += _delete_due(transactions, store)
        except NodeUnavailable as error:
            log.warning("not searched for garbage: %s", error)
    with transactions() as tx:
        _delete_rows(tx)
    metrics.GARBAGE_REMOVED.inc(deleted)
    return deleted


def listing(tx: Transaction, limit: int) -> list[Garbage]:
    """What would be deleted, the next first."""
    return tx.all(
        Garbage,
        "select node_id, key, upload, size, found_at, found_at + make_interval(hours => %s) as due_at"
        " from garbage where removed_at is null order by found_at, node_id, key, upload limit %s",
        (_grace(), limit),
    )


def total(tx: Transaction) -> GarbageTotal:
    """Of all that would be deleted."""
    return tx.one(
        GarbageTotal,
        "select count(*) as count, coalesce(sum(size), 0)::bigint as bytes from garbage where removed_at is null",
    ) or GarbageTotal(0, 0)


def _grace() -> int:
    return integer("GARBAGE_GRACE_HOURS")


def _search(transactions: Transactions, store: ObjectStore) -> None:
    """Writes down what is not in use now, and strikes out what is."""
    for batch in _batches(_contents(store)):
        with transactions() as tx:
            in_use = _in_use(tx, store.id, batch)
            tx.execute_many(
                "insert into garbage (node_id, key, upload, size, stored) values %s"
                " on conflict (node_id, key, upload) do update"
                " set stored = excluded.stored, size = excluded.size, found_at = now(), removed_at = null"
                " where garbage.stored <> excluded.stored or garbage.removed_at is not null",
                [(store.id, *each) for each in batch if each not in in_use],
            )
            for each in in_use:
                _strike_out(tx, store, each)


def _contents(store: ObjectStore) -> Iterator[Found]:
    for each in store.listing():
        try:
            yield Found(check_key(each.key), "", each.size, each.stored)
        except InvalidKey:  # no object of ours has such a name: whoever put it there may want it
            log.warning("%s holds %r, which is not ours", store.id, each.key)
    for upload in store.multipart.started():
        yield Found(upload.key, upload.id, 0, upload.started)


def _batches(found: Iterable[Found]) -> Iterator[list[Found]]:
    each = iter(found)
    while batch := list(islice(each, BATCH)):
        yield batch


class _Named(Struct):
    key: str
    upload: str


def _in_use(tx: Transaction, node_id: str, found: list[Found]) -> set[Found]:
    rows = tx.all(
        _Named,
        _IN_USE,
        {"node": node_id, "keys": [each.key for each in found], "uploads": [each.upload for each in found]},
    )
    names = {(row.key, row.upload) for row in rows}
    return {each for each in found if (each.key, each.upload) in names}


class _Due(Struct):
    key: str
    upload: str
    size: int
    stored: float


def _delete_due(transactions: Transactions, store: ObjectStore) -> int:
    """Deletes what is due. The row is locked while the bytes go: see records.claim."""
    with transactions() as tx:
        due = tx.all(
            _Due,
            "select key, upload, size, stored from garbage where node_id = %s and removed_at is null"
            " and found_at <= now() - make_interval(hours => %s) order by found_at",
            (store.id, _grace()),
        )
    deleted = 0
    for row in due:
        each = Found(row.key, row.upload, row.size, row.stored)
        with transactions() as tx:
            locked = tx.exists(
                "select 1 from garbage where node_id = %s and key = %s and upload = %s and removed_at is null"
                " and stored = %s for update",
                (store.id, each.key, each.upload, each.stored),
            )
            if not locked or _in_use(tx, store.id, [each]):
                continue
            if not _is_unchanged(store, each):
                _strike_out(tx, store, each)
                continue
            if each.upload:
                store.multipart.forget(each.key, each.upload)
            else:
                store.delete(each.key)  # its rows are those of a video that does not exist any more
                tx.execute("delete from replica where object_key = %s and node_id = %s", (each.key, store.id))
                tx.execute("delete from shard where key = %s and node_id = %s", (each.key, store.id))
            tx.execute(
                "update garbage set removed_at = now() where node_id = %s and key = %s and upload = %s",
                (store.id, each.key, each.upload),
            )
        log.info("deleted from %s, since nothing referred to it: %s %s", store.id, each.key, each.upload)
        deleted += 1
    return deleted


def _strike_out(tx: Transaction, store: ObjectStore, each: Found) -> None:
    tx.execute("delete from garbage where node_id = %s and key = %s and upload = %s", (store.id, each.key, each.upload))


def _is_unchanged(store: ObjectStore, found: Found) -> bool:
    """Whether it is still the same: bytes that were written again are in use."""
    if found.upload:
        return any(each.id == found.upload for each in store.multipart.started())
    return any(each.key == found.key and each.stored == found.stored for each in store.listing(found.key))


def _delete_rows(tx: Transaction) -> None:
    """Rows of objects whose video does not exist, once no node has anything of them; entries of what went long ago."""
    tx.execute(
        "delete from object o where o.video_id is not null and o.created_at < now() - make_interval(hours => %s)"
        " and not exists (select 1 from video v where v.id = o.video_id)"
        " and not exists (select 1 from replica r where r.object_key = o.key)"
        " and not exists (select 1 from shard s where s.object_key = o.key)",
        (_grace(),),
    )
    tx.execute("delete from garbage where removed_at < now() - make_interval(days => 30)")
