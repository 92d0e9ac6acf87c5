"""Where browsers fetch objects from."""

from shared.db import Transaction
from shared.storage.nodes.nodes import load


def origins(tx: Transaction) -> list[str]:
    """Scheme and host of every node that signed URLs lead to, other than the gateway itself. Raises ConfigError."""
    return sorted({store.origin for store in load(tx).all()} - {""})
