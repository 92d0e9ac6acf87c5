"""Whether a replica is what was stored."""

from typing import NamedTuple

from shared.objects import ObjectMissing, ObjectStore
from shared.objects.base import Digest
from shared.storage.jobs.throttle import Pace

UNPACED = Pace(0)


class Wanted(NamedTuple):
    """An object as it was stored."""

    key: str
    size: int
    sha256: str
    part_size: int | None = None


def damage(store: ObjectStore, wanted: Wanted, pace: Pace = UNPACED) -> str | None:
    """Reads all of a replica; what is wrong with it, or None. Raises NodeUnavailable."""
    size = store.size(wanted.key)
    if size is None:
        return "missing"
    if size != wanted.size:
        return f"{size} bytes instead of {wanted.size}"
    digest = Digest(wanted.part_size)
    try:
        for chunk in store.open(wanted.key):
            pace.spend(len(chunk))
            digest.update(chunk)
    except ObjectMissing:
        return "missing"
    return None if digest.hexdigest() == wanted.sha256 else "other bytes than were stored"
