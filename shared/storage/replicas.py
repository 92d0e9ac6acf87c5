"""Reading replicas and copying them, with their checksums compared.

Scrub, repair, restore, replicate, migrate, freeze, and the functions that serve bytes all read whole replicas through
here, so "try the replicas in order, compare the checksum, pass over a bad one" is written once: `first_good`.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar

from shared.objects import ChecksumMismatch, NodeUnavailable, ObjectError, ObjectMissing, ObjectStore
from shared.objects.base import CHUNK, Digest
from shared.storage.model import ObjectRef
from shared.storage.throttle import UNTHROTTLED, Throttle

IN_MEMORY = 8 * CHUNK
OTHER_BYTES = "other bytes than were stored"

log = logging.getLogger("wadi.storage")

T = TypeVar("T")


class BadReplica(ObjectError):
    """One replica that cannot be used.

    It is missing or corrupt; or its node failed while it was read (`node_error`), and then the replica may be good. Not
    a NodeUnavailable: while bytes are copied, that is an error of the node that is written to.
    """

    def __init__(self, reason: str, node_error: NodeUnavailable | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.node_error = node_error


class NoGoodReplica(ObjectMissing):
    """All replicas that were tried are bad. `node_error`: why one that may be good could not be read."""

    def __init__(self, key: str, node_error: NodeUnavailable | None) -> None:
        super().__init__(f"{key} has no good replica")
        self.node_error = node_error


def first_good(
    ref: ObjectRef,
    stores: Iterable[ObjectStore],
    use: Callable[[ObjectStore], T],
    on_bad: Callable[[ObjectStore, BadReplica], None] | None = None,
) -> T:
    """What `use` returns for the first replica that is good.

    `use` raises BadReplica for one that is not: it is logged, `on_bad` is told, and the next store is tried. Raises
    NoGoodReplica when there is none left, and whatever else `use` raises, at once.
    """
    node_error: NodeUnavailable | None = None
    for store in stores:
        try:
            return use(store)
        except BadReplica as error:
            level = logging.WARNING if error.node_error else logging.ERROR
            log.log(level, "the replica of %s on %s cannot be used: %s", ref.key, store.id, error)
            node_error = error.node_error or node_error
            if on_bad is not None:
                on_bad(store, error)
    raise NoGoodReplica(ref.key, node_error)


def is_there(store: ObjectStore, ref: ObjectRef) -> bool:
    """Whether the replica exists and has its full size; its bytes are not read. Raises NodeUnavailable."""
    return store.size(ref.key) == ref.size


def corruption(store: ObjectStore, ref: ObjectRef, throttle: Throttle = UNTHROTTLED) -> str | None:
    """Reads all of a replica: what is wrong with it, or None. Raises NodeUnavailable."""
    size = store.size(ref.key)
    if size is None:
        return "missing"
    if size != ref.size:
        return f"{size} bytes instead of {ref.size}"
    try:
        for _ in read_verified(store, ref, throttle):
            pass
    except BadReplica as error:
        if error.node_error:
            raise error.node_error from error
        return error.reason
    return None


def read_verified(store: ObjectStore, ref: ObjectRef, throttle: Throttle = UNTHROTTLED) -> Iterator[bytes]:
    """All bytes of a replica.

    Raises BadReplica; when the bytes are others than were stored that is known only at the end, so what was made of
    them until then must be discarded.
    """
    digest = Digest(ref.part_size)
    for chunk in _read(store, ref, throttle):
        digest.update(chunk)
        yield chunk
    if (digest.size, digest.hexdigest()) != (ref.size, ref.sha256):
        raise BadReplica(OTHER_BYTES)


def spool(store: ObjectStore, ref: ObjectRef) -> IO[bytes]:
    """A file with all bytes of a replica, which are known to be good. The caller closes it. Raises BadReplica."""
    file: IO[bytes] = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115, it outlives this function
    try:
        for chunk in read_verified(store, ref):
            file.write(chunk)
    except BaseException:
        file.close()
        raise
    return file


def copy(origin: ObjectStore, target: ObjectStore, ref: ObjectRef, throttle: Throttle = UNTHROTTLED) -> None:
    """Makes a replica on `target` from the one on `origin`, within the server of both where that is possible.

    The replica is durable when this returns. Bytes with another checksum are not kept. Raises BadReplica when the
    origin is at fault, NodeFull or NodeUnavailable when the target is.
    """
    try:
        copied = target.copy_from(origin, ref.key, ref.sha256, ref.part_size)
    except ObjectMissing as error:
        raise BadReplica("missing") from error
    except ChecksumMismatch as error:
        raise BadReplica(OTHER_BYTES) from error
    if copied:
        throttle.wait(ref.size)
    else:
        send(origin, target, ref, throttle)


def send(origin: ObjectStore, target: ObjectStore, ref: ObjectRef, throttle: Throttle = UNTHROTTLED) -> None:
    """As `copy`, with all bytes passing through this process.

    What lies under the key on `target` is replaced only once the new bytes are known to be good.
    """
    try:
        target.put(ref.key, _read(origin, ref, throttle), sha256=ref.sha256, part_size=ref.part_size)
    except ChecksumMismatch as error:
        raise BadReplica(OTHER_BYTES) from error


def _read(store: ObjectStore, ref: ObjectRef, throttle: Throttle) -> Iterator[bytes]:
    """All bytes of a replica, not compared yet. Raises BadReplica."""
    try:
        for chunk in store.open(ref.key):
            throttle.wait(len(chunk))
            yield chunk
    except ObjectMissing as error:
        raise BadReplica("missing") from error
    except NodeUnavailable as error:
        raise BadReplica(str(error), error) from error
