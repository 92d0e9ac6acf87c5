"""What scrub and repair write down: when each replica and shard was checked, what is lost, and the totals."""

from datetime import datetime

from msgspec import Struct

from shared.db import Transaction


class LostObject(Struct):
    key: str
    video_id: str | None
    reason: str
    found_at: datetime


def note_replica_checked(tx: Transaction, key: str, node_id: str) -> None:
    tx.execute(
        "update replica_check set checked_at = now() where object_key = %s and node_id = %s",
        (key, node_id),
    )


def note_shard_checked(tx: Transaction, key: str, number: int) -> None:
    tx.execute(
        "update shard_check set checked_at = now() where object_key = %s and number = %s",
        (key, number),
    )


def check_replica_next(tx: Transaction, key: str, node_id: str) -> None:
    """Makes it the replica that was checked the longest ago."""
    tx.execute(
        "update replica_check set checked_at = '-infinity' where object_key = %s and node_id = %s",
        (key, node_id),
    )


def note_lost(tx: Transaction, key: str, reason: str) -> bool:
    """False when it was known to be lost."""
    return bool(
        tx.execute(
            "insert into lost_object (object_key, reason) values (%s, %s) on conflict do nothing",
            (key, reason),
        )
    )


def note_not_lost(tx: Transaction, key: str) -> None:
    """The object is not lost, or not any more."""
    tx.execute("delete from lost_object where object_key = %s", (key,))


def count_checked(tx: Transaction, size: int, *, corrupt: bool) -> None:
    tx.execute(
        "update scrub set checked = checked + 1, checked_bytes = checked_bytes + %s, damaged = damaged + %s,"
        " worked_at = now()",
        (size, int(corrupt)),
    )


def count_repaired(tx: Transaction) -> None:
    tx.execute("update scrub set repaired = repaired + 1")


def count_lost(tx: Transaction) -> int:
    return tx.value(int, "select count(*) from lost_object") or 0


def lost_objects(tx: Transaction, limit: int) -> list[LostObject]:
    """The newest first."""
    return tx.all(
        LostObject,
        "select key, video_id, reason, found_at from lost_object join object on key = object_key"
        " order by found_at desc limit %s",
        (limit,),
    )
