"""Which nodes answer.

A node that answers renews its lease (shared/coordination). One whose lease ran out is suspect: new objects go
elsewhere. One that was suspect for NODE_LOST_AFTER_SECONDS is lost: its objects get new replicas elsewhere. Should it
come back, what it holds counts again.
"""

import logging
import threading
import time
from collections.abc import Collection, Iterable

from msgspec import Struct

from shared import coordination
from shared.config import integer
from shared.db import Transaction
from shared.errors import Unavailable
from shared.ids import new_id
from shared.objects import NodeFull, ObjectError, ObjectStore
from shared.storage.nodes.nodes import Node
from shared.storage.nodes.state import mark_answering, mark_lost, mark_suspect

LEASE_SECONDS = 150  # of the probes, one a minute, two may fail
PROBE_SECONDS = 10.0
PROBE = b"Is this node alive?\n"

log = logging.getLogger("wadi.storage")


def write_probe(store: ObjectStore) -> None:
    """Writes, reads and removes a small object. Raises ObjectError."""
    key = f"probes/{new_id()}"
    store.put(key, [PROBE])
    try:
        if b"".join(store.open(key)) != PROBE:
            raise ObjectError("what was read is not what was written")
    finally:
        store.delete(key)


def answering(nodes: Iterable[Node]) -> set[str]:
    """The nodes that work: each is probed, all at once. A disk that hangs is given up after PROBE_SECONDS."""
    probed = list(nodes)
    silent = probe_errors(probed)
    for node_id, error in silent.items():
        log.warning("node %s does not answer: %s", node_id, error)
    return {node.id for node in probed} - silent.keys()


def probe_errors(nodes: Collection[Node]) -> dict[str, str]:
    """The nodes that do not answer, and why not, in one line each."""
    silent = {node.id: f"it said nothing for {PROBE_SECONDS:.0f} s" for node in nodes}
    found: dict[str, str | None] = {}
    probes = [threading.Thread(target=_probe, args=(node, found), name="probe", daemon=True) for node in nodes]
    for probe in probes:
        probe.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for probe in probes:
        probe.join(max(0.0, deadline - time.monotonic()))
    for node_id, error in dict(found).items():  # a copy: a probe that is late still writes to it
        if error is None:
            del silent[node_id]
        else:
            silent[node_id] = error
    return silent


def _probe(node: Node, found: dict[str, str | None]) -> None:
    try:
        if node.kind == "s3":
            node.store.size("probes/none")  # one request that costs next to nothing: buckets bill each one
        else:
            write_probe(node.store)
    except NodeFull as error:
        log.warning("node %s: %s", node.id, error)  # what it holds can be read
    except Exception as error:
        found[node.id] = " ".join(str(error).split())
        return
    found[node.id] = None


def renew(answered: set[str]) -> set[str]:
    """Renews the leases of these nodes; all whose lease has not run out. While the coordination is away, those that
    answer must do."""
    try:
        for node_id in answered:
            coordination.renew(node_id, LEASE_SECONDS)
        return coordination.alive() | answered
    except Unavailable as error:
        log.warning("the leases of the nodes are not renewed: %s", error)
        return answered


class _Health(Struct):
    id: str
    suspect: bool


def update_health(tx: Transaction, alive: set[str]) -> None:
    """Writes down which nodes are suspect, which are lost, and which are neither any more.

    No node is lost while none is alive: then it is we who are cut off.
    """
    known = tx.all(
        _Health, "select id, suspect_since is not null as suspect from node where state <> 'removed' for update"
    )
    back = [node.id for node in known if node.id in alive and node.suspect]
    gone = [node.id for node in known if node.id not in alive and not node.suspect]
    if back:
        mark_answering(tx, back)
        log.info("nodes that answer again: %s", ", ".join(back))
    if gone:
        mark_suspect(tx, gone)
        log.error("suspect nodes: %s", ", ".join(gone))
    lost = tx.values(
        str,
        "select id from node where state <> 'removed' and lost_at is null"
        " and suspect_since < now() - make_interval(secs => %s)",
        (integer("NODE_LOST_AFTER_SECONDS"),),
    )
    if lost and alive & {node.id for node in known}:
        mark_lost(tx, lost)
        log.error("lost nodes: %s; their objects get new replicas elsewhere", ", ".join(lost))
