"""One object on its way to where it should be: first everyone who is to have it gets it, then the others let go."""

import logging
from collections.abc import Iterator
from typing import NamedTuple

from shared.db import Transactions
from shared.objects import ChecksumMismatch, NodeFull, NodeUnavailable, ObjectError, ObjectMissing, ObjectStore
from shared.storage.erasure.read import rebuild_shard
from shared.storage.io.write import record_replica
from shared.storage.jobs.throttle import Pace
from shared.storage.nodes.nodes import Nodes
from shared.storage.placement.diff import Held, Moves, Shard

log = logging.getLogger("wadi.storage")


class Outcome(NamedTuple):
    copied: int = 0
    copied_bytes: int = 0
    dropped: int = 0
    waiting: str | None = None  # why it is not yet where it should be


class Settlement:
    """One object on its way to where it should be."""

    def __init__(self, transactions: Transactions, nodes: Nodes, pace: Pace, held: Held, what: Moves) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._pace = pace
        self._held = held
        self._what = what
        self._good = held.counted(nodes)
        self._copied = 0
        self._dropped = 0
        self._waiting: str | None = None

    def run(self) -> Outcome:
        try:
            for home in self._what.missing:
                self._try_copy(home)
            keepers = self._keepers()
            going = [name for name in self._what.surplus if name not in keepers]
            if going and len(keepers) == len(self._what.homes) and self._all_there(keepers):
                self._drop(going, keepers)
        except _Deleted:
            self._waiting = None
        return Outcome(self._copied, self._copied * self._held.size, self._dropped, self._waiting)

    def _keepers(self) -> list[str]:
        """The nodes that keep it: its homes; for a home that cannot take it now, the next by the ring."""
        homes, count = self._what.homes, len(self._what.homes)
        have = [name for name in homes if name in self._good]
        if len(have) < count:
            others = [name for name in self._good if name not in homes and name in self._nodes.active()]
            have += others[: count - len(have)]
        refused = set(homes) - set(have)
        while len(have) < count and (store := self._nodes.next_home(self._held.key, have, refused)) is not None:
            if self._try_copy(store.id):
                have.append(store.id)
            else:
                refused.add(store.id)
        return have

    def _try_copy(self, node_id: str) -> bool:
        try:
            self._copy(self._nodes.store(node_id))
        except ObjectError as error:
            self._waiting = f"{self._held.key}: {error}"
            log.warning("not moved: %s", self._waiting)
            return False
        return True

    def _copy(self, store: ObjectStore) -> None:
        free = store.free()
        if free is not None and free < self._held.size:
            raise NodeFull(f"{store.id} has no room for {self._held.size} bytes")
        broken: ObjectError = ObjectMissing("no replica can be read")
        for origin in self._good:
            try:
                self._transfer(store, origin)
            except (_Unreadable, ChecksumMismatch) as error:
                log.error("the replica of %s on %s is broken: %s", self._held.key, origin, error)
                broken = ObjectMissing(str(error))
            else:
                self._record(store)
                return
        raise broken

    def _transfer(self, store: ObjectStore, origin: str) -> None:
        key, sha256, part_size = self._held.key, self._held.sha256, self._held.part_size
        try:
            if store.copy_from(self._nodes.store(origin), key, sha256, part_size):
                self._pace.spend(self._held.size)
                return
        except ObjectMissing as error:
            raise _Unreadable(str(error)) from error
        store.put(key, self._read(origin), sha256=sha256, part_size=part_size)

    def _read(self, origin: str) -> Iterator[bytes]:
        try:
            for chunk in self._nodes.store(origin).open(self._held.key):
                self._pace.spend(len(chunk))
                yield chunk
        except (ObjectMissing, NodeUnavailable) as error:
            raise _Unreadable(str(error)) from error

    def _record(self, store: ObjectStore) -> None:
        with self._transactions() as tx:
            there = tx.one(
                "select 1 as there from object where key = %s and sha256 = %s"
                " and not exists (select 1 from shard where object_key = object.key) for share",
                (self._held.key, self._held.sha256),
            )
            if there:
                record_replica(tx, self._held.key, store.id)
        if not there:  # deleted or frozen meanwhile: its new copy must not stay behind
            store.delete(self._held.key)
            raise _Deleted
        self._good.append(store.id)
        self._copied += 1

    def _all_there(self, keepers: list[str]) -> bool:
        """Whether each really has it; one that lost it gets it anew before anybody lets go."""
        for name in keepers:
            try:
                there = self._nodes.store(name).size(self._held.key) == self._held.size
            except NodeUnavailable as error:
                self._waiting = f"{self._held.key}: {error}"
                return False
            if not there:
                self._good.remove(name)
                if not self._try_copy(name):
                    return False
        return True

    def _drop(self, going: list[str], keepers: list[str]) -> None:
        """The bytes go before the commit: a crash in between leaves rows, by which the next try ends what was begun."""
        key = self._held.key
        with self._transactions() as tx:
            tx.one("select 1 as there from object where key = %s for update", (key,))
            kept = tx.all("select node_id from replica where object_key = %s and node_id = any(%s)", (key, keepers))
            if len(kept) < len(keepers):
                return
            for name in going:
                node = self._nodes.get(name)
                try:
                    self._nodes.store(name).delete(key)
                except NodeUnavailable as error:
                    if node is not None and node.counts:
                        self._waiting = f"{key}: {error}"
                        continue
                tx.execute("delete from replica where object_key = %s and node_id = %s", (key, name))
                self._dropped += 1


class ShardMove:
    """Shards of one object on their way; each is on its new node and recorded before it goes from the old one."""

    def __init__(
        self, transactions: Transactions, nodes: Nodes, pace: Pace, held: Held, going: list[tuple[Shard, str]]
    ) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._pace = pace
        self._held = held
        self._going = going

    def run(self) -> Outcome:
        copied, size, waiting = 0, 0, None
        for shard, home in self._going:
            try:
                self._settle(shard, home)
            except ObjectError as error:
                waiting = f"{shard.key}: {error}"
                log.warning("not moved: %s", waiting)
            else:
                copied, size = copied + 1, size + shard.size
        return Outcome(copied, size, copied, waiting)

    def _settle(self, shard: Shard, home: str) -> None:
        """Copies a shard, or makes it anew from the others where it cannot be read."""
        with self._transactions() as tx:  # a note from when a shard was here before must not take this one away
            tx.execute("delete from removal where node_id = %s and key = %s", (home, shard.key))
        node = self._nodes.get(shard.node_id)
        if node is not None and node.counts:
            try:
                self._move(shard, home)
            except (ObjectMissing, ChecksumMismatch) as error:
                log.error("shard %d of %s on %s is broken: %s", shard.number, self._held.key, shard.node_id, error)
            else:
                return
        rebuild_shard(self._transactions, self._held.key, shard.number, home)

    def _move(self, shard: Shard, home: str) -> None:
        store, origin = self._nodes.store(home), self._nodes.store(shard.node_id)
        store.put(shard.key, self._read(origin, shard.key), sha256=shard.sha256)
        with self._transactions() as tx:
            there = tx.one("select 1 as there from object where key = %s for update", (self._held.key,)) and tx.execute(
                "delete from shard where object_key = %s and number = %s and node_id = %s",
                (self._held.key, shard.number, shard.node_id),
            )
            if there:
                tx.execute(
                    "insert into shard (object_key, number, node_id, size, sha256, key)"
                    " values (%s, %s, %s, %s, %s, %s)",
                    (self._held.key, shard.number, home, shard.size, shard.sha256, shard.key),
                )
                origin.delete(shard.key)
        if not there:  # thawed or deleted meanwhile
            store.delete(shard.key)

    def _read(self, origin: ObjectStore, key: str) -> Iterator[bytes]:
        for chunk in origin.open(key):
            self._pace.spend(len(chunk))
            yield chunk


class _Unreadable(Exception):
    """A replica that cannot be read to its end. No ObjectError: it is not the node that is written to which fails."""


class _Deleted(Exception):
    """The object is no longer there, or no longer as replicas."""
