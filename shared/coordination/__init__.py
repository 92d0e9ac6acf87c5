"""What processes on several machines agree on: the ring's epoch, locks, and which nodes are alive.

`lock` grants a lock to one holder at a time and gives a Fence, whose `check(tx)` refuses what a deposed one writes.
`renew` says that a node answers, `alive` which ones do. PostgreSQL keeps this, or etcd (ETCD_ENDPOINTS); the
tokens of the fences and the ring's epoch stand in PostgreSQL in any case, since they must commit with what they guard.
"""

from shared.coordination.base import Deposed, Held
from shared.coordination.choice import alive, renew, unhealthy_reason
from shared.coordination.fence import Fence
from shared.coordination.locks import lock
from shared.db import Transaction

__all__ = ["Deposed", "Fence", "Held", "alive", "epoch", "lock", "renew", "unhealthy_reason"]


def epoch(tx: Transaction) -> int:
    """The ring's epoch: another one after each change of the nodes, their weights, zones or states."""
    row = tx.one("select epoch from ring")
    assert row is not None, "the migration made the row"
    return int(row["epoch"])
