"""Moves one object to where it should be: first every node that should have it gets it, then the others drop it."""

import logging
from collections.abc import Callable
from typing import NamedTuple

from shared.db import Transactions
from shared.objects import NodeFull, NodeUnavailable, ObjectError, ObjectStore
from shared.storage.erasure.read import rebuild_shard
from shared.storage.model import Shard
from shared.storage.nodes.nodes import Nodes
from shared.storage.placement.diff import Located, PlacementDiff
from shared.storage.records import drop_replica, record_copy
from shared.storage.replicas import BadReplica, copy, first_good, is_there, send
from shared.storage.throttle import Throttle

log = logging.getLogger("wadi.storage")


class Migrated(NamedTuple):
    """What was done for one object."""

    copied: int = 0
    copied_bytes: int = 0
    dropped: int = 0
    waiting: str | None = None  # why it is not yet where it should be


Task = Callable[[], Migrated]


class ReplicaMigration:
    """The replicas of one object on their way to where they should be."""

    def __init__(
        self, transactions: Transactions, nodes: Nodes, throttle: Throttle, located: Located, diff: PlacementDiff
    ) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._throttle = throttle
        self._object = located.object
        self._diff = diff
        self._good = located.reliable(nodes)
        self._copied = 0
        self._dropped = 0
        self._waiting: str | None = None

    def run(self) -> Migrated:
        try:
            for home in self._diff.missing:
                self._try_copy(home)
            keepers = self._keepers()
            surplus = [name for name in self._diff.surplus if name not in keepers]
            if surplus and len(keepers) == len(self._diff.homes) and self._all_there(keepers):
                self._drop(surplus, keepers)
        except _ObjectGone:
            self._waiting = None
        return Migrated(self._copied, self._copied * self._object.size, self._dropped, self._waiting)

    def _keepers(self) -> list[str]:
        """The nodes that keep it: its homes; for a home that cannot take it now, the next by the ring."""
        homes, count = self._diff.homes, len(self._diff.homes)
        have = [name for name in homes if name in self._good]
        if len(have) < count:
            others = [name for name in self._good if name not in homes and name in self._nodes.active()]
            have += others[: count - len(have)]
        refused = set(homes) - set(have)
        while len(have) < count and (store := self._nodes.next_home(self._object.key, have, refused)) is not None:
            if self._try_copy(store.id):
                have.append(store.id)
            else:
                refused.add(store.id)
        return have

    def _try_copy(self, node_id: str) -> bool:
        try:
            self._copy_to(self._nodes.store(node_id))
        except ObjectError as error:
            self._waiting = f"{self._object.key}: {error}"
            log.warning("not migrated: %s", self._waiting)
            return False
        return True

    def _copy_to(self, target: ObjectStore) -> None:
        free = target.free()
        if free is not None and free < self._object.size:
            raise NodeFull(f"{target.id} has no room for {self._object.size} bytes")
        first_good(
            self._object,
            (self._nodes.store(name) for name in list(self._good)),
            lambda origin: copy(origin, target, self._object, self._throttle),
        )
        if not record_copy(self._transactions, self._object, target, unless_frozen=True):
            raise _ObjectGone
        self._good.append(target.id)
        self._copied += 1

    def _all_there(self, keepers: list[str]) -> bool:
        """Whether each keeper really has it; one that lost it gets a new copy before any node drops it."""
        for name in keepers:
            try:
                there = is_there(self._nodes.store(name), self._object)
            except NodeUnavailable as error:
                self._waiting = f"{self._object.key}: {error}"
                return False
            if not there:
                self._good.remove(name)
                if not self._try_copy(name):
                    return False
        return True

    def _drop(self, surplus: list[str], keepers: list[str]) -> None:
        """The bytes go before the commit: a crash in between leaves rows, by which the next try ends what was begun."""
        key = self._object.key
        with self._transactions() as tx:
            tx.execute("select 1 from object where key = %s for update", (key,))
            kept = tx.values(
                str, "select node_id from replica where object_key = %s and node_id = any(%s)", (key, keepers)
            )
            if len(kept) < len(keepers):
                return
            for name in surplus:
                node = self._nodes.get(name)
                try:
                    self._nodes.store(name).delete(key)
                except NodeUnavailable as error:
                    if node is not None and node.reliable:
                        self._waiting = f"{key}: {error}"
                        continue
                drop_replica(tx, key, name)
                self._dropped += 1


class ShardMigration:
    """Shards of one object on their way; each is on its new node and recorded before the old node drops it."""

    def __init__(
        self,
        transactions: Transactions,
        nodes: Nodes,
        throttle: Throttle,
        located: Located,
        moving: list[tuple[Shard, str]],
    ) -> None:
        self._transactions = transactions
        self._nodes = nodes
        self._throttle = throttle
        self._key = located.object.key
        self._moving = moving

    def run(self) -> Migrated:
        copied, size, waiting = 0, 0, None
        for shard, home in self._moving:
            try:
                self._move(shard, home)
            except ObjectError as error:
                waiting = f"{shard.key}: {error}"
                log.warning("not migrated: %s", waiting)
            else:
                copied, size = copied + 1, size + shard.size
        return Migrated(copied, size, copied, waiting)

    def _move(self, shard: Shard, home: str) -> None:
        """Copies a shard, or rebuilds it from the others where it cannot be read."""
        with self._transactions() as tx:  # an entry from when a shard was here before must not delete this one
            tx.execute("delete from removal where node_id = %s and key = %s", (home, shard.key))
        node = self._nodes.get(shard.node_id)
        if node is not None and node.reliable:
            try:
                self._copy(shard, home)
            except BadReplica as error:
                if error.node_error is not None:
                    raise error.node_error from error
                log.error("shard %d of %s on %s cannot be used: %s", shard.number, self._key, shard.node_id, error)
            else:
                return
        rebuild_shard(self._transactions, self._key, shard.number, home)

    def _copy(self, shard: Shard, home: str) -> None:
        target, origin = self._nodes.store(home), self._nodes.store(shard.node_id)
        send(origin, target, shard.ref, self._throttle)
        with self._transactions() as tx:
            tx.execute("select 1 from object where key = %s for update", (self._key,))
            current = tx.execute(
                "delete from shard where object_key = %s and number = %s and node_id = %s",
                (self._key, shard.number, shard.node_id),
            )
            if current:
                tx.execute(
                    "insert into shard (object_key, number, node_id, size, sha256, key)"
                    " values (%s, %s, %s, %s, %s, %s)",
                    (self._key, shard.number, home, shard.size, shard.sha256, shard.key),
                )
                origin.delete(shard.key)
        if not current:  # thawed or deleted meanwhile
            target.delete(shard.key)


class _ObjectGone(Exception):
    """The object was deleted or frozen meanwhile."""
