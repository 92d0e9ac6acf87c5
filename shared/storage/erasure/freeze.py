"""Makes shards of what is not watched any more, and deletes its replicas.

Six nodes get a shard each; the shards are read back and decoded, and only then one transaction makes them the object
and queues its replicas for deletion. Until that commit nothing has changed, so whatever breaks off before is begun
anew. Only one process does it at a time, under a lock, and every transaction checks the lock's fence.
"""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import NamedTuple

from shared.config import integer
from shared.db import Transactions
from shared.objects import ChecksumMismatch, NodeFull, NodeUnavailable, ObjectInfo, ObjectMissing, ObjectStore
from shared.objects.base import Digest
from shared.storage.deletion_queue import delete_queued
from shared.storage.erasure.code import encode
from shared.storage.erasure.read import FrozenObject, read_frozen, shard_corruption, shard_key
from shared.storage.model import NEEDED, SHARDS, ObjectRef, Shard
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.records import claim, replica_nodes
from shared.storage.replicas import first_good, read_verified
from shared.storage.throttle import Throttle

BATCH = 50
SMALLEST = 8192  # bytes; six shards of less take as many blocks of a disk as three replicas, or more
AHEAD = 4  # stripes that a slow node may be behind

log = logging.getLogger("wadi.storage")

# As long as a manifest that somebody has may still be played, its replicas stay; what a list shows (the poster) always
# does, and so does a source that is kept.
_UNWATCHED = """
    v.state = 'ready' and v.thumbnails_done and v.subtitles_done
    and greatest(v.ready_at, (select at from watched w where w.video_id = v.id))
        < now() - greatest(make_interval(days => %(days)s), make_interval(secs => %(signed)s + 7200))
"""
_DUE = f"""
    select o.key, o.size, o.sha256, o.part_size, o.video_id
    from video v join object o on o.video_id = v.id
    where {_UNWATCHED}
      and not exists (select 1 from media_segment s where s.video_id = v.id and s.placed_at is null)
      and o.size > {SMALLEST} and o.key like 'videos/%%' and o.key is distinct from v.poster_key
      and exists (select 1 from replica where object_key = o.key)
      and not exists (select 1 from shard where object_key = o.key)
      and o.key <> all(%(refused)s)
    order by v.id, o.key limit {BATCH}
"""  # noqa: S608, all of it is written here


class Result(NamedTuple):
    objects: int = 0
    stored_bytes: int = 0  # of the shards
    reason: str = ""  # why nothing, or not everything, was frozen


def enabled() -> bool:
    return integer("FREEZE_AFTER_DAYS") > 0


def impediment(nodes: Nodes) -> str:
    """Why nothing can be frozen, or nothing."""
    count = len(nodes.active())
    return "" if count >= SHARDS else f"freezing needs {SHARDS} nodes, and there are {count}"


def freeze(transactions: Transactions, seconds: float) -> Result:
    """Works for about so long, under a lock that the caller holds and `transactions` check."""
    if not enabled():
        return Result(reason="FREEZE_AFTER_DAYS is 0")
    with transactions() as tx:
        nodes = load(tx)
    reason = impediment(nodes)
    if reason:
        log.warning("FREEZE_AFTER_DAYS is set, but %s.", reason)
        return Result(reason=reason)
    return _Freezer(transactions, nodes, time.monotonic() + seconds).run()


class _Refused(Exception):
    """Why an object was passed over for now."""


class _Freezer:
    def __init__(self, transactions: Transactions, nodes: Nodes, until: float) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._until = until
        self._throttle = Throttle(integer("FREEZE_BYTES_PER_SECOND"))
        self._params = {
            "days": integer("FREEZE_AFTER_DAYS"),
            "signed": integer("SIGNED_URL_SECONDS"),
        }
        self._refused: list[str] = []

    def run(self) -> Result:
        result = Result()
        while time.monotonic() < self._until and (due := self._due()):
            for ref in due:
                try:
                    stored = self._freeze(ref)
                except _Refused as refusal:
                    log.warning("%s is not frozen: %s", ref.key, refusal)
                    self._refused.append(ref.key)
                    result = result._replace(reason=str(refusal))
                    continue
                result = Result(result.objects + 1, result.stored_bytes + stored, result.reason)
                if time.monotonic() >= self._until:
                    break
        return result

    def _due(self) -> list[ObjectRef]:
        with self._transactions() as tx:
            return tx.all(ObjectRef, _DUE, {**self._params, "refused": self._refused})

    def _freeze(self, ref: ObjectRef) -> int:
        """Freezes one object; the bytes of its shards."""
        homes = self._nodes.homes(ref.key, SHARDS)
        keys = [shard_key(ref.key, number) for number in range(SHARDS)]
        with self._transactions() as tx:
            having = replica_nodes(tx, ref.key)
            tx.execute("delete from removal where key = any(%s)", (keys,))  # of an earlier freeze
        targets = [(self._nodes.store(node_id), key) for node_id, key in zip(homes, keys, strict=True)]
        try:
            infos = first_good(
                ref,
                (self._nodes.store(node_id) for node_id in self._nodes.by_health(having)),
                lambda origin: _put_all(encode(read_verified(origin, ref, self._throttle)), targets),
            )
            shards = tuple(
                Shard(number, homes[number], info.size, info.sha256, keys[number]) for number, info in enumerate(infos)
            )
            self._verify(FrozenObject(ref, shards))
            self._commit(ref, shards)
        except (NodeFull, NodeUnavailable, ObjectMissing, ChecksumMismatch) as error:
            raise _Refused(str(error)) from error
        delete_queued(self._transactions, ref.video_id)
        return sum(shard.size for shard in shards)

    def _verify(self, frozen: FrozenObject) -> None:
        """Decodes the object from what the nodes give back, from four shards with both of parity among them; the
        checksums of the other two are compared.

        Raises ChecksumMismatch, ObjectMissing, NodeUnavailable.
        """
        digest = Digest(frozen.object.part_size)
        last_four = FrozenObject(frozen.object, frozen.shards[SHARDS - NEEDED :])
        for data in read_frozen(self._nodes, last_four, verify=True):
            digest.update(data)
        if digest.hexdigest() != frozen.object.sha256:
            raise ChecksumMismatch("the shards give other bytes")
        for shard in frozen.shards[: SHARDS - NEEDED]:
            if found := shard_corruption(self._nodes, shard):
                raise ChecksumMismatch(f"shard {shard.number} on {shard.node_id} is {found}")

    def _commit(self, ref: ObjectRef, shards: tuple[Shard, ...]) -> None:
        with self._transactions() as tx:
            if not tx.exists(
                f"select 1 from object o join video v on v.id = o.video_id"  # noqa: S608, ours
                f" where o.key = %(key)s and o.sha256 = %(sha256)s and {_UNWATCHED} for update of o",
                {**self._params, "key": ref.key, "sha256": ref.sha256},
            ):
                raise _Refused("it was watched, or deleted, meanwhile")
            tx.execute_many(
                "insert into shard (object_key, number, node_id, size, sha256, key) values %s",
                [(ref.key, s.number, s.node_id, s.size, s.sha256, s.key) for s in shards],
            )
            for shard in shards:
                claim(tx, shard.key, shard.node_id)
            tx.execute(
                "insert into removal (node_id, key, video_id)"
                " select node_id, object_key, %s from replica where object_key = %s on conflict do nothing",
                (ref.video_id, ref.key),
            )
            tx.execute("delete from replica where object_key = %s", (ref.key,))


def _put_all(stripes: Iterator[list[bytes]], targets: list[tuple[ObjectStore, str]]) -> list[ObjectInfo]:
    """Writes the n-th block of every stripe to the n-th target, all at once. Raises what any of them, or `stripes`,
    raises; then none of the objects that were not whole yet is kept."""
    queues: list[Queue[bytes | BaseException | None]] = [Queue(AHEAD) for _ in targets]
    with ThreadPoolExecutor(len(targets)) as pool:
        writers = [pool.submit(_put, store, key, queue) for (store, key), queue in zip(targets, queues, strict=True)]
        end: BaseException | None = None
        try:
            for blocks in stripes:
                for queue, block in zip(queues, blocks, strict=True):
                    queue.put(block)
        except BaseException as error:
            end = error
        for queue in queues:
            queue.put(end)
    if end is not None:
        raise end
    return [writer.result() for writer in writers]


def _put(store: ObjectStore, key: str, queue: "Queue[bytes | BaseException | None]") -> ObjectInfo:
    ended = False

    def blocks() -> Iterator[bytes]:
        nonlocal ended
        while (each := queue.get()) is not None:
            if isinstance(each, BaseException):
                ended = True
                raise each
            yield each
        ended = True

    try:
        return store.put(key, blocks())
    finally:
        while not ended and isinstance(queue.get(), bytes):  # the reader of the replica must not wait for this node
            pass
