"""Which nodes answer.

A node that answers renews its lease (shared/coordination). One whose lease ran out is suspect: new objects go
elsewhere. One that was suspect for NODE_LOST_AFTER_SECONDS is lost: its replicas are made anew elsewhere. Should it
come back, what it holds counts again.
"""

import logging
import threading
import time
from collections.abc import Collection, Iterable

from shared import coordination
from shared.config import integer
from shared.db import Transaction
from shared.errors import Unavailable
from shared.ids import new_id
from shared.objects import NodeFull, ObjectError, ObjectStore
from shared.storage.nodes.nodes import Node

LEASE_SECONDS = 150  # two looks may fail that come each minute
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
    """The nodes that do their work: each is tried, all at once. A disk that hangs is given up after a while."""
    tried = list(nodes)
    silent = troubles(tried)
    for node_id, trouble in silent.items():
        log.warning("node %s does not answer: %s", node_id, trouble)
    return {node.id for node in tried} - silent.keys()


def troubles(nodes: Collection[Node]) -> dict[str, str]:
    """The nodes that do not answer, and why not, in one line each."""
    silent = {node.id: f"it said nothing for {PROBE_SECONDS:.0f} s" for node in nodes}
    found: dict[str, str | None] = {}
    looks = [threading.Thread(target=_look, args=(node, found), name="probe", daemon=True) for node in nodes]
    for look in looks:
        look.start()
    deadline = time.monotonic() + PROBE_SECONDS
    for look in looks:
        look.join(max(0.0, deadline - time.monotonic()))
    for node_id, trouble in dict(found).items():  # a copy: a look that comes late writes on
        if trouble is None:
            del silent[node_id]
        else:
            silent[node_id] = trouble
    return silent


def _look(node: Node, found: dict[str, str | None]) -> None:
    try:
        if node.kind == "s3":
            node.store.size("probes/none")  # one request that costs next to nothing, each minute for ever
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


def note(tx: Transaction, alive: set[str]) -> None:
    """Writes down which nodes are suspect, which are lost, and which are neither any more.

    Nodes are not lost while none is alive: then it is we who see nothing.
    """
    rows = tx.all("select id, suspect_since, lost_at from node where state <> 'removed' for update")
    back = [row["id"] for row in rows if row["id"] in alive and row["suspect_since"] is not None]
    gone = [row["id"] for row in rows if row["id"] not in alive and row["suspect_since"] is None]
    # a statement that changes nothing would still count as a change of the ring
    if back:
        tx.execute("update node set suspect_since = null, lost_at = null where id = any(%s)", (back,))
        log.info("back: %s", ", ".join(back))
    if gone:
        tx.execute("update node set suspect_since = now() where id = any(%s)", (gone,))
        log.error("suspect: %s", ", ".join(gone))
    lost = tx.all(
        "select id from node where state <> 'removed' and lost_at is null"
        " and suspect_since < now() - make_interval(secs => %s)",
        (integer("NODE_LOST_AFTER_SECONDS"),),
    )
    if lost and alive & {row["id"] for row in rows}:
        names = [row["id"] for row in lost]
        tx.execute("update node set lost_at = now() where id = any(%s)", (names,))
        log.error("lost: %s; its replicas are made anew elsewhere", ", ".join(names))
