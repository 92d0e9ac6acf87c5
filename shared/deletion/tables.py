"""Every table with rows of a video, and what the deletion of the video does with them.

delete.py does what is said here, and audit.py goes by this list. tests/contract/test_video_tables.py compares it with
the catalogue and tries every table, so a new table that has a video's id can be forgotten by neither.
"""

from enum import Enum, auto


class OnDelete(Enum):
    CLEARED = auto()  # the row stays for what comes late, without anything that a person wrote
    DELETED = auto()  # by delete.remove_contents
    WITH_OBJECTS = auto()  # by shared/storage, which first notes in `removal` what has to go from which node
    CASCADES = auto()  # with the rows that they refer to
    AFTER_OBJECTS = auto()  # by delete.remove_contents, once the transaction that deleted the replicas has written it
    FROM_INDEX = auto()  # by the search index, whichever it is
    BY_NODE = auto()  # one by one, as soon as the node has removed the bytes: it may be away for months
    KEPT = auto()  # ids only, deleted by age or kept for the operator


TABLES = {
    "video": OnDelete.CLEARED,
    "upload": OnDelete.CLEARED,
    "message": OnDelete.DELETED,
    "media_segment": OnDelete.DELETED,
    "subtitle": OnDelete.DELETED,
    "watched": OnDelete.DELETED,
    "object": OnDelete.WITH_OBJECTS,
    "replica": OnDelete.CASCADES,
    "replica_check": OnDelete.CASCADES,
    "shard": OnDelete.CASCADES,
    "shard_check": OnDelete.CASCADES,
    "lost_object": OnDelete.CASCADES,
    "placement_version": OnDelete.AFTER_OBJECTS,
    "search_document": OnDelete.FROM_INDEX,
    "removal": OnDelete.BY_NODE,
    "garbage": OnDelete.KEPT,
    "outbox": OnDelete.KEPT,
    "topic_record": OnDelete.KEPT,
    "delivery": OnDelete.KEPT,
    "dead_letter": OnDelete.KEPT,
}


def tables(*kinds: OnDelete) -> list[str]:
    return [table for table, kind in TABLES.items() if kind in kinds]


# None of their rows may be left; each names the video in `video_id`.
GONE = tables(OnDelete.DELETED, OnDelete.WITH_OBJECTS, OnDelete.AFTER_OBJECTS, OnDelete.FROM_INDEX)
