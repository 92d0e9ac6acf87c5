"""Whether a delivery is still pending. While one is, work that made no progress must not be started again.

An event that waits in the outbox is pending in any case. For the rest it depends on the transport:

Tables of the database: a pending delivery is a row of `delivery`.

Kafka: it cannot be asked for the events of one key, only how far each consumer group is. So the answer is one for all
keys: while a group has not handled everything that was published up to a given time, every key may have a pending
delivery. This errs to one side only: while a group is behind (a long queue, a retry that waits), nothing is called
stalled.

A Broker: it cannot be asked anything, so time decides. A delivery may be pending for a video that made progress within
BROKER_SECONDS; after that the work is started again, whether the Broker lost an event or is only slow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from events.topics import TOPICS
from shared.config import ConfigError
from shared.db import Transaction
from shared.outbox.consumer_groups import CONSUMER_GROUPS
from shared.outbox.kafka import client
from shared.outbox.transport import Transport, transport

if TYPE_CHECKING:
    from kafka import KafkaAdminClient  # type: ignore[import-untyped]

Condition = Callable[[str], str]

log = logging.getLogger("wadi.outbox")

# {key} is an SQL expression, here a column's name. A key of a part is <key>/<part>.
# What the asking transaction itself has just published does not count.
NOT_IN_OUTBOX = (
    "not exists (select 1 from outbox b where (b.key = {key} or b.key like {key} || '/%%')"
    " and b.xmin <> pg_current_xact_id()::xid)"
)
NO_DELIVERY = "not exists (select 1 from delivery d where d.key = {key} or d.key like {key} || '/%%')"

# Longer than all tries of one delivery with their pauses (nine tries, 255 s of pauses), and than most queues. Not much
# longer, since what an in-memory channel loses when it is killed waits for this.
BROKER_SECONDS = 1800
NO_PROGRESS = (
    "not exists (select 1 from video p where p.id = {key} and p.updated_at > now() - make_interval(secs => {seconds}))"
)


def no_pending_deliveries(tx: Transaction, after: int) -> Condition:
    """Gives for an SQL expression of a key the condition that no event of it, or of a part of it, that was published
    more than `after` seconds ago is still to be delivered."""
    match transport():
        case Transport.BROKER:
            return lambda key: f"{NOT_IN_OUTBOX} and {NO_PROGRESS}".format(key=key, seconds=BROKER_SECONDS)
        case Transport.POSTGRES:
            return lambda key: f"{NOT_IN_OUTBOX} and {NO_DELIVERY}".format(key=key)
        case Transport.KAFKA:
            until = tx.value(float, "select extract(epoch from now() - make_interval(secs => %s))::float8", (after,))
            assert until is not None, "a time less a period is a time"
            if not everything_handled(until):
                return lambda key: "false"
            return lambda key: NOT_IN_OUTBOX.format(key=key)


def everything_handled(until: float) -> bool:
    """Whether every consumer group of ours has handled everything that was published before `until` (seconds since
    1970). False when Kafka does not answer, since nobody knows then."""
    from kafka.errors import KafkaError  # type: ignore[import-untyped]

    try:
        with client.admin() as admin:
            return not _behind(admin, int(until * 1000))
    except (KafkaError, OSError, ConfigError) as error:
        log.warning("nothing is called stalled now: %s", " ".join(str(error).split()))
        return False


def _behind(admin: KafkaAdminClient, until_ms: int) -> list[str]:
    """The groups that still have to handle something that was published before then."""
    groups = [each["group_id"] for each in admin.list_groups() if each["group_id"] in CONSUMER_GROUPS]
    committed = {
        (group, partition): committed.offset
        for group, offsets in (admin.list_group_offsets(groups) if groups else {}).items()
        for partition, committed in offsets.items()
        if partition.topic in TOPICS and committed.offset >= 0
    }
    partitions = {partition for _, partition in committed}
    if not partitions:
        return []
    ends = admin.list_partition_offsets(dict.fromkeys(partitions, -1))
    later = admin.list_partition_offsets(dict.fromkeys(partitions, until_ms))
    behind = set()
    for (group, partition), offset in committed.items():
        first_later = later[partition].offset
        end = first_later if first_later >= 0 else ends[partition].offset
        if offset < end:
            behind.add(group)
    return sorted(behind)
