"""Makes shards of what is not watched any more, and lets go of its replicas.

Six nodes get a shard each; the shards are read back and decoded, and only then, in one transaction, are they the
object and its replicas to be removed. Until that commit nothing has changed, so whatever breaks off before is begun
anew. Only one process does it at a time, under a lock, and every transaction checks the lock's fence.
"""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from typing import Any, NamedTuple

from shared import coordination
from shared.config import integer
from shared.db import Transactions
from shared.objects import ChecksumMismatch, NodeFull, NodeUnavailable, ObjectError, ObjectInfo, ObjectMissing
from shared.objects.base import Digest
from shared.storage.erasure.code import NEEDED, SHARDS, encode
from shared.storage.erasure.read import Frozen, read_frozen, shard_damage, shard_key
from shared.storage.io.verify import Wanted
from shared.storage.io.write import claim
from shared.storage.jobs.deletion_queue import remove_forgotten
from shared.storage.jobs.throttle import Pace
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.placement.diff import Shard

LOCK, LEASE_SECONDS = "freeze", 30
BATCH = 50
SMALLEST = 8192  # bytes; six shards of less take as many blocks of a disk as three replicas, or more
AHEAD = 4  # stripes that a slow node may be behind

log = logging.getLogger("wadi.storage")

# As long as a manifest that somebody has may still be played, its replicas stay; what a list shows (the poster) always
# does, and so does a source that is kept.
_UNWATCHED = """
    v.state = 'ready' and v.thumbnails_done
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
      and o.key <> all(%(passed)s)
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


def freeze(transactions: Transactions, holder: str, seconds: float) -> Result:
    """Works for about so long. Raises Held, Deposed, Unavailable."""
    if not enabled():
        return Result(reason="FREEZE_AFTER_DAYS is 0")
    with coordination.lock(LOCK, holder, LEASE_SECONDS) as fence:
        fenced = fence.guard(transactions)
        with fenced() as tx:
            nodes = load(tx)
        reason = impediment(nodes)
        if reason:
            log.warning("FREEZE_AFTER_DAYS is set, but %s.", reason)
            return Result(reason=reason)
        return _Freezer(fenced, nodes, time.monotonic() + seconds).run()


class _Refused(Exception):
    """Why an object was passed over for now."""


class _Freezer:
    def __init__(self, transactions: Transactions, nodes: Nodes, until: float) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._until = until
        self._pace = Pace(integer("FREEZE_BYTES_PER_SECOND"))
        self._params = {
            "days": integer("FREEZE_AFTER_DAYS"),
            "signed": integer("SIGNED_URL_SECONDS", minimum=1),
        }
        self._passed: list[str] = []

    def run(self) -> Result:
        result = Result()
        while time.monotonic() < self._until and (due := self._due()):
            for row in due:
                try:
                    stored = self._freeze(row)
                except _Refused as refusal:
                    log.warning("%s is not frozen: %s", row["key"], refusal)
                    self._passed.append(row["key"])
                    result = result._replace(reason=str(refusal))
                    continue
                result = Result(result.objects + 1, result.stored_bytes + stored, result.reason)
                if time.monotonic() >= self._until:
                    break
        return result

    def _due(self) -> list[dict[str, Any]]:
        with self._transactions() as tx:
            return tx.all(_DUE, {**self._params, "passed": self._passed})

    def _freeze(self, row: dict[str, Any]) -> int:
        """Freezes one object; the bytes of its shards."""
        video_id = row.pop("video_id")
        wanted = Wanted(**row)
        homes = self._nodes.homes(wanted.key, SHARDS)
        keys = [shard_key(wanted.key, number) for number in range(SHARDS)]
        with self._transactions() as tx:
            replicas = [
                r["node_id"] for r in tx.all("select node_id from replica where object_key = %s", (wanted.key,))
            ]
            tx.execute("delete from removal where key = any(%s)", (keys,))  # of an earlier freeze
        try:
            infos = self._write(wanted, replicas, homes, keys)
            shards = tuple(
                Shard(number, homes[number], info.size, info.sha256, keys[number]) for number, info in enumerate(infos)
            )
            self._verify(Frozen(wanted, shards))
            self._commit(wanted, video_id, shards)
        except (NodeFull, NodeUnavailable, ObjectMissing, ChecksumMismatch) as error:
            raise _Refused(str(error)) from error
        remove_forgotten(self._transactions, video_id)
        return sum(shard.size for shard in shards)

    def _write(self, wanted: Wanted, replicas: list[str], homes: list[str], keys: list[str]) -> list[ObjectInfo]:
        """Writes the shards, from the first replica that is what was stored."""
        trouble: ObjectError = ObjectMissing(f"{wanted.key} has no replica")
        for origin in self._nodes.by_health(replicas):
            try:
                return _put_all(
                    encode(self._replica(origin, wanted)),
                    [(self._nodes.store(node), key) for node, key in zip(homes, keys, strict=True)],
                )
            except _BadReplica as error:
                log.warning("the replica of %s on %s cannot be used: %s", wanted.key, origin, error)
                trouble = ObjectMissing(str(error))
        raise trouble

    def _replica(self, node_id: str, wanted: Wanted) -> Iterator[bytes]:
        digest = Digest(wanted.part_size)
        try:
            for chunk in self._nodes.store(node_id).open(wanted.key):
                self._pace.spend(len(chunk))
                digest.update(chunk)
                yield chunk
        except (ObjectMissing, NodeUnavailable) as error:
            raise _BadReplica(str(error)) from error
        if (digest.size, digest.hexdigest()) != (wanted.size, wanted.sha256):
            raise _BadReplica("other bytes than were stored")

    def _verify(self, thing: Frozen) -> None:
        """Decodes the object from what the nodes give back, both parities among it; the other two are compared.

        Raises ChecksumMismatch, ObjectMissing.
        """
        digest = Digest(thing.wanted.part_size)
        for data in read_frozen(self._nodes, thing._replace(shards=thing.shards[SHARDS - NEEDED :]), afresh=True):
            digest.update(data)
        if digest.hexdigest() != thing.wanted.sha256:
            raise ChecksumMismatch("the shards give other bytes")
        for shard in thing.shards[: SHARDS - NEEDED]:
            if found := shard_damage(self._nodes, shard):
                raise ChecksumMismatch(f"shard {shard.number} on {shard.node_id} is {found}")

    def _commit(self, wanted: Wanted, video_id: str, shards: tuple[Shard, ...]) -> None:
        with self._transactions() as tx:
            still = tx.one(
                f"select 1 as so from object o join video v on v.id = o.video_id"  # noqa: S608, ours
                f" where o.key = %(key)s and o.sha256 = %(sha256)s and {_UNWATCHED} for update of o",
                {**self._params, "key": wanted.key, "sha256": wanted.sha256},
            )
            if not still:
                raise _Refused("it was watched, or deleted, meanwhile")
            tx.execute_many(
                "insert into shard (object_key, number, node_id, size, sha256, key) values %s",
                [(wanted.key, s.number, s.node_id, s.size, s.sha256, s.key) for s in shards],
            )
            for shard in shards:
                claim(tx, shard.key, shard.node_id)
            tx.execute(
                "insert into removal (node_id, key, video_id)"
                " select node_id, object_key, %s from replica where object_key = %s on conflict do nothing",
                (video_id, wanted.key),
            )
            tx.execute("delete from replica where object_key = %s", (wanted.key,))


class _BadReplica(ObjectError):
    """A replica that cannot be read to its end, or is not what was stored."""


def _put_all(stripes: Iterator[list[bytes]], targets: list[tuple[Any, str]]) -> list[ObjectInfo]:
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


def _put(store: Any, key: str, queue: "Queue[bytes | BaseException | None]") -> ObjectInfo:
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
        info: ObjectInfo = store.put(key, blocks())
        return info
    finally:
        while not ended and isinstance(queue.get(), bytes):  # whoever reads the replica must not wait for this node
            pass
