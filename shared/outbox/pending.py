"""Whether anybody still owes a delivery: what is owed makes no progress yet, but nobody needs to ask for it again.

An event that waits in the outbox is owed in any case. In the tables of the database the rest is a row of `delivery`.
Kafka cannot be asked for the events of one key; it can be asked how far each group is. So there the answer is one for
all keys: a group that has not handled everything that was published up to a moment ago may owe anything of it. That
errs to one side only. While a group is behind (a queue that grows, a retry that waits), nothing is called stalled.

A Broker cannot be asked anything. There the answer is a matter of time: it may still owe something of a video that made
progress within SINK_SECONDS, and whoever waits for longer is asked for again, whether the Broker lost an event or is
just slow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from events.topics import TOPICS
from shared.config import ConfigError
from shared.outbox.broker import target
from shared.outbox.kafka import connection

if TYPE_CHECKING:
    from kafka import KafkaAdminClient  # type: ignore[import-untyped]

    from shared.db.transaction import Transaction

Condition = Callable[[str], str]

log = logging.getLogger("wadi.outbox")

# {key} is an SQL expression, here a column's name. A key of a part is <key>/<part>.
# What the asking transaction itself has just published is not meant.
OUTBOX = (
    "not exists (select 1 from outbox b where (b.key = {key} or b.key like {key} || '/%%')"
    " and b.xmin <> pg_current_xact_id()::xid)"
)
DELIVERY = "not exists (select 1 from delivery d where d.key = {key} or d.key like {key} || '/%%')"

# Longer than the tries of one delivery with their pauses (nine, of which the pauses are 255 s), and than most queues.
# Not much longer, since what an in-memory channel loses when it is killed waits for this.
SINK_SECONDS = 1800
PROGRESS = (
    "not exists (select 1 from video p where p.id = {key} and p.updated_at > now() - make_interval(secs => {seconds}))"
)


def nobody_owes(tx: Transaction, after: int) -> Condition:
    """Gives for an SQL expression of a key the condition that nobody owes an event of it, or of a part of it, that
    was published more than `after` seconds ago."""
    if target.in_use():
        return lambda key: f"{OUTBOX} and {PROGRESS}".format(key=key, seconds=SINK_SECONDS)
    if not connection.in_use():
        return lambda key: f"{OUTBOX} and {DELIVERY}".format(key=key)
    row = tx.one("select extract(epoch from now() - make_interval(secs => %s)) as moment", (after,))
    assert row is not None
    if not everything_handled(float(row["moment"])):
        return lambda key: "false"
    return lambda key: OUTBOX.format(key=key)


def everything_handled(moment: float) -> bool:
    """Whether every group of ours is past everything that was published before `moment` (seconds since 1970). False
    when Kafka does not answer: then nobody knows."""
    from kafka.errors import KafkaError  # type: ignore[import-untyped]

    try:
        with connection.admin() as admin:
            return not _behind(admin, int(moment * 1000))
    except (KafkaError, OSError, ConfigError) as error:
        log.warning("nothing is called stalled now: %s", " ".join(str(error).split()))
        return False


def _behind(admin: KafkaAdminClient, moment_ms: int) -> list[str]:
    """The groups that still have to handle something that was published before the moment."""
    ours = groups()
    there = [each["group_id"] for each in admin.list_groups() if each["group_id"] in ours]
    committed = {
        (group, partition): place.offset
        for group, places in (admin.list_group_offsets(there) if there else {}).items()
        for partition, place in places.items()
        if partition.topic in TOPICS and place.offset >= 0
    }
    partitions = {partition for _, partition in committed}
    if not partitions:
        return []
    ends = admin.list_partition_offsets(dict.fromkeys(partitions, -1))
    later = admin.list_partition_offsets(dict.fromkeys(partitions, moment_ms))
    found = set()
    for (group, partition), offset in committed.items():
        first_later = later[partition].offset
        until = first_later if first_later >= 0 else ends[partition].offset
        if offset < until:
            found.add(group)
    return sorted(found)


@cache
def groups() -> frozenset[str]:
    """The consumer groups of the platform: each consumer's is named as its capability is (a test holds them to it)."""
    functions = Path(__file__).parents[2] / "functions"
    return frozenset(file.stem.replace("_", "-") for file in functions.glob("*/*.py"))
