"""What is stored: objects, their replicas, and the shards of frozen objects."""

from msgspec import Struct

SHARDS, NEEDED = 6, 4  # of a frozen object; any NEEDED of its SHARDS give the bytes


class ObjectRef(Struct, frozen=True):
    """An object that is stored: a row of the table `object`.

    `size` is in bytes. `sha256` (hex) and `part_size` are those of shared.objects.ObjectInfo.
    """

    key: str
    size: int
    sha256: str
    part_size: int | None = None
    video_id: str | None = None


class Replica(Struct, frozen=True):
    """An object whose bytes are durable on one node, recorded in the database or not yet."""

    object: ObjectRef
    node_id: str


class Shard(Struct, frozen=True):
    """One of the shards of a frozen object. `key` is its own, on its node."""

    number: int
    node_id: str
    size: int
    sha256: str
    key: str

    @property
    def ref(self) -> ObjectRef:
        """The shard as an object of its own: what lies on its node."""
        return ObjectRef(self.key, self.size, self.sha256)
