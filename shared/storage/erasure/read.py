"""Frozen objects: read from any four of their shards; one that is corrupt or gone is rebuilt from the others."""

import logging
from collections.abc import Iterator

from msgspec import Struct

from shared import cache
from shared.db import Transaction, Transactions
from shared.objects import NodeUnavailable, ObjectError, ObjectMissing
from shared.storage.erasure.code import decode_stripe, encode, stripes
from shared.storage.model import NEEDED, ObjectRef, Shard
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.records import claim, find_object, shards_of
from shared.storage.replicas import corruption

VERIFIED_SECONDS = 3600

log = logging.getLogger("wadi.storage")


class FrozenObject(Struct, frozen=True):
    """An object that has shards, whether or not it has replicas too."""

    object: ObjectRef
    shards: tuple[Shard, ...]


def shard_key(key: str, number: int) -> str:
    """Under which a shard lies on its node."""
    return f"shards/{key}.{number}"


def find_frozen(tx: Transaction, key: str) -> FrozenObject | None:
    """The object with its shards, or None when it has none."""
    ref, shards = find_object(tx, key), shards_of(tx, key)
    return FrozenObject(ref, tuple(shards)) if ref and shards else None


def shard_corruption(nodes: Nodes, shard: Shard) -> str | None:
    """Reads all of a shard: what is wrong with it, or None. Raises NodeUnavailable."""
    return corruption(nodes.store(shard.node_id), shard.ref)


def rebuild_shard(transactions: Transactions, key: str, number: int, node_id: str | None = None) -> bool:
    """Rebuilds a shard from others, on its node or on another one; False when there is no such shard (any more).

    Raises ObjectMissing when fewer than four others are good, NodeUnavailable, NodeFull.
    """
    with transactions() as tx:
        nodes = load(tx)
        frozen = find_frozen(tx, key)
    lost = next((each for each in frozen.shards if each.number == number), None) if frozen else None
    if frozen is None or lost is None:
        return False
    target = node_id or lost.node_id
    others = FrozenObject(frozen.object, tuple(each for each in frozen.shards if each.number != number))
    blocks = (stripe[number] for stripe in encode(read_frozen(nodes, others, verify=True)))
    nodes.store(target).put(lost.key, blocks, sha256=lost.sha256)
    with transactions() as tx:
        rebuilt = tx.execute(
            "update shard set node_id = %s, placed_at = now() where object_key = %s and number = %s and sha256 = %s",
            (target, key, number, lost.sha256),
        )
        if rebuilt:
            claim(tx, lost.key, target)
        if rebuilt and target != lost.node_id:
            tx.execute(
                "insert into removal (node_id, key, video_id)"
                " select %s, %s, coalesce(video_id, '') from object where key = %s on conflict do nothing",
                (lost.node_id, lost.key, key),
            )
    if not rebuilt:  # thawed or deleted meanwhile
        nodes.store(target).delete(lost.key)
    return bool(rebuilt)


def read_frozen(
    nodes: Nodes, frozen: FrozenObject, start: int = 0, end: int | None = None, *, verify: bool = False
) -> Iterator[bytes]:
    """The bytes from `start` up to, not including, `end`, from good shards: with `verify` their checksums are compared
    now, else it is enough that they were in the last VERIFIED_SECONDS.

    Raises ObjectMissing when fewer than four shards are good, NodeUnavailable when it may be for nodes that are away.
    """
    size = frozen.object.size
    end = size if end is None else min(end, size)
    wanted = list(stripes(size, start, end))
    if not wanted:
        return
    reader = _Reader(nodes, frozen, wanted[-1].position + wanted[-1].block, verify)
    for stripe in wanted:
        data = decode_stripe(reader.blocks(stripe.position, stripe.block), stripe.length)
        yield data[max(0, start - stripe.offset) : end - stripe.offset]


class _Reader:
    """Four shards that are read side by side; another one takes the place of one that fails."""

    def __init__(self, nodes: Nodes, frozen: FrozenObject, until: int, verify: bool) -> None:
        self._nodes = nodes
        self._key = frozen.object.key
        self._until = until
        self._verify = verify
        healthy = nodes.healthiest(shard.node_id for shard in frozen.shards)
        # shards of data need no arithmetic, but waiting for a node that does not answer costs more
        self._waiting = sorted(frozen.shards, key=lambda s: (s.node_id not in healthy, s.number))
        self._open: dict[int, _Stream] = {}
        self._node_error: NodeUnavailable | None = None

    def blocks(self, position: int, length: int) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for number, stream in list(self._open.items()):
            try:
                found[number] = stream.take(length)
            except ObjectError as error:
                self._drop(number, error)
        while len(found) < NEEDED:
            number, stream = self._another(position)
            try:
                found[number] = stream.take(length)
            except ObjectError as error:
                self._drop(number, error)
        return found

    def _another(self, position: int) -> "tuple[int, _Stream]":
        while self._waiting:
            shard = self._waiting.pop(0)
            try:
                if not self._is_good(shard):
                    continue
                stream = _Stream(self._nodes.store(shard.node_id).open(shard.key, position, self._until))
            except ObjectError as error:
                self._note(shard.number, error)
                continue
            self._open[shard.number] = stream
            return shard.number, stream
        if self._node_error is not None:
            raise self._node_error
        raise ObjectMissing(f"{self._key} has fewer than {NEEDED} good shards left")

    def _is_good(self, shard: Shard) -> bool:
        """Compared once in a while only; corrupt bytes would spoil all that is decoded from them."""
        seen = f"shard:{shard.node_id}:{shard.key}:{shard.sha256}"
        if not self._verify and cache.get(seen):
            return True
        found = shard_corruption(self._nodes, shard)
        if found:
            log.error("shard %d of %s on %s is corrupt: %s", shard.number, self._key, shard.node_id, found)
            return False
        cache.put(seen, b"good", VERIFIED_SECONDS)
        return True

    def _drop(self, number: int, error: ObjectError) -> None:
        del self._open[number]
        self._note(number, error)

    def _note(self, number: int, error: ObjectError) -> None:
        log.warning("shard %d of %s: %s", number, self._key, error)
        if isinstance(error, NodeUnavailable):
            self._node_error = error


class _Stream:
    """Bytes in the lengths that are asked for."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = bytearray()

    def take(self, length: int) -> bytes:
        """Raises ObjectMissing when it ends before."""
        while len(self._buffer) < length:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise ObjectMissing("the shard is cut short")
            self._buffer += chunk
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken
