"""What processes on several machines agree on: the ring's epoch, locks, and which nodes are alive.

`lock` grants a lock to one holder at a time and gives it a Fence, whose `check(tx)` refuses the writes of a former
holder. `renew` renews the lease of a node that answers, `alive` lists the nodes with a lease. Locks and leases are in
PostgreSQL or in etcd (ETCD_ENDPOINTS); fencing tokens and the ring's epoch are always in PostgreSQL, since they must
commit with what they guard.

This package alone writes the tables lock_lease, node_lease and fence. It may import shared.db, shared.config,
shared.errors, shared.ids and shared.telemetry.
"""

from shared.coordination.base import Fenced, LockHeld
from shared.coordination.choice import alive, renew, unhealthy_reason
from shared.coordination.fence import Fence
from shared.coordination.locks import lock
from shared.db import Transaction

__all__ = ["Fence", "Fenced", "LockHeld", "alive", "epoch", "lock", "renew", "unhealthy_reason"]


def epoch(tx: Transaction) -> int:
    """The ring's epoch: it changes with the nodes, their weights, zones or states."""
    value = tx.value(int, "select epoch from ring")
    assert value is not None, "the migration made the row"
    return value
