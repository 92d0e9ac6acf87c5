"""The topics in Kafka: how many partitions, how long records are kept, how many copies. The one table of them.

Partitions bound how many consumers of a group work side by side, and can be added later but never taken away. So the
topics that carry work get many, and the others enough for three brokers and a few pods.
"""

from typing import NamedTuple

from events import EVENTS
from events.segments import SegmentEncoded, SegmentPlaced, SegmentPlanned, SegmentPrioritized


class Topic(NamedTuple):
    """`retention_hours` must outlast the longest stand-still of a consumer; what is older is gone for it."""

    partitions: int = 6
    retention_hours: int = 168
    replication: int = 3  # or as many as there are brokers


USUAL = Topic()
SPECIAL = {
    SegmentPlanned.type: Topic(partitions=24),  # the encodes: what a large cluster spreads over its machines
    SegmentPrioritized.type: Topic(partitions=24),
    SegmentEncoded.type: Topic(partitions=12),
    SegmentPlaced.type: Topic(partitions=12),
}
TOPICS: dict[str, Topic] = {name: SPECIAL.get(name, USUAL) for name in EVENTS}


def topic(name: str) -> Topic:
    """What a topic is like; one that is not of the platform itself is like most."""
    return TOPICS.get(name, USUAL)
