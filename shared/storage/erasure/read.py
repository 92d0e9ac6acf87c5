"""Frozen objects: read from any four of their shards; one that is damaged or gone is made anew from the others."""

import logging
from collections.abc import Iterator
from typing import NamedTuple

from shared import cache
from shared.db import Transaction, Transactions
from shared.objects import NodeUnavailable, ObjectError, ObjectMissing
from shared.storage.erasure.code import NEEDED, decode_stripe, encode, stripes
from shared.storage.io.verify import Wanted, damage
from shared.storage.io.write import claim
from shared.storage.nodes.nodes import Nodes, load
from shared.storage.placement.diff import Shard

VERIFIED_SECONDS = 3600

log = logging.getLogger("wadi.storage")


class Frozen(NamedTuple):
    """An object that has shards, whether or not it has replicas too."""

    wanted: Wanted
    shards: tuple[Shard, ...]


def shard_key(key: str, number: int) -> str:
    """Under which a shard lies on its node."""
    return f"shards/{key}.{number}"


def frozen(tx: Transaction, key: str) -> Frozen | None:
    """The object with its shards, or None when it has none."""
    row = tx.one("select key, size, sha256, part_size from object where key = %s", (key,))
    shards = tx.all(
        "select number, node_id, size, sha256, key from shard where object_key = %s order by number", (key,)
    )
    return Frozen(Wanted(**row), tuple(Shard(**each) for each in shards)) if row and shards else None


def shard_damage(nodes: Nodes, shard: Shard) -> str | None:
    """Reads all of a shard; what is wrong with it, or None. Raises NodeUnavailable."""
    return damage(nodes.store(shard.node_id), Wanted(shard.key, shard.size, shard.sha256))


def rebuild_shard(transactions: Transactions, key: str, number: int, node_id: str | None = None) -> bool:
    """Makes a shard anew from others, on its node or on another one; False when there is no such shard (any more).

    Raises ObjectMissing when fewer than four others are good, NodeUnavailable, NodeFull.
    """
    with transactions() as tx:
        nodes = load(tx)
        thing = frozen(tx, key)
    lost = next((each for each in thing.shards if each.number == number), None) if thing else None
    if thing is None or lost is None:
        return False
    target = node_id or lost.node_id
    others = thing._replace(shards=tuple(each for each in thing.shards if each.number != number))
    blocks = (stripe[number] for stripe in encode(read_frozen(nodes, others, afresh=True)))
    nodes.store(target).put(lost.key, blocks, sha256=lost.sha256)
    with transactions() as tx:
        moved = tx.execute(
            "update shard set node_id = %s, placed_at = now() where object_key = %s and number = %s and sha256 = %s",
            (target, key, number, lost.sha256),
        )
        if moved:
            claim(tx, lost.key, target)
        if moved and target != lost.node_id:
            tx.execute(
                "insert into removal (node_id, key, video_id)"
                " select %s, %s, coalesce(video_id, '') from object where key = %s on conflict do nothing",
                (lost.node_id, lost.key, key),
            )
    if not moved:  # thawed or deleted meanwhile
        nodes.store(target).delete(lost.key)
    return bool(moved)


def read_frozen(
    nodes: Nodes, thing: Frozen, start: int = 0, end: int | None = None, *, afresh: bool = False
) -> Iterator[bytes]:
    """The bytes from `start` up to, not including, `end`, from shards that are what was stored: `afresh`, they are
    compared now, else it is enough that they were a while ago.

    Raises ObjectMissing when fewer than four shards are good, NodeUnavailable when it may be for nodes that are away.
    """
    size = thing.wanted.size
    end = size if end is None else min(end, size)
    wanted = list(stripes(size, start, end))
    if not wanted:
        return
    reader = _Reader(nodes, thing, wanted[-1].position + wanted[-1].block, afresh)
    for stripe in wanted:
        data = decode_stripe(reader.blocks(stripe.position, stripe.block), stripe.length)
        yield data[max(0, start - stripe.offset) : end - stripe.offset]


class _Reader:
    """Four shards that are read side by side; another one takes the place of one that fails."""

    def __init__(self, nodes: Nodes, thing: Frozen, until: int, afresh: bool) -> None:
        self._nodes = nodes
        self._key = thing.wanted.key
        self._until = until
        self._afresh = afresh
        healthy = nodes.healthiest(shard.node_id for shard in thing.shards)
        # those of data need no arithmetic, but a node that does not answer costs more
        self._waiting = sorted(thing.shards, key=lambda s: (s.node_id not in healthy, s.number))
        self._open: dict[int, _Stream] = {}
        self._away: NodeUnavailable | None = None

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
        if self._away is not None:
            raise self._away
        raise ObjectMissing(f"{self._key} has fewer than {NEEDED} good shards left")

    def _is_good(self, shard: Shard) -> bool:
        """Read and compared once in a while: bytes that are not what was stored would spoil all that is decoded."""
        seen = f"shard:{shard.node_id}:{shard.key}:{shard.sha256}"
        if not self._afresh and cache.get(seen):
            return True
        found = shard_damage(self._nodes, shard)
        if found:
            log.error("shard %d of %s on %s is damaged: %s", shard.number, self._key, shard.node_id, found)
            return False
        cache.put(seen, b"good", VERIFIED_SECONDS)
        return True

    def _drop(self, number: int, error: ObjectError) -> None:
        del self._open[number]
        self._note(number, error)

    def _note(self, number: int, error: ObjectError) -> None:
        log.warning("shard %d of %s: %s", number, self._key, error)
        if isinstance(error, NodeUnavailable):
            self._away = error


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
                raise ObjectMissing("it is cut short")
            self._buffer += chunk
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken
