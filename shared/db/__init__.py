"""PostgreSQL: connections, transactions with typed rows, and migrations.

It knows no table but its own `migration`: queries stand beside the code that owns their table. It may import settings,
errors and telemetry.
"""

from psycopg2.extensions import connection as Connection

from shared.db.pool import connect, database_url, read_one, transaction
from shared.db.transaction import Transaction, Transactions

__all__ = ["Connection", "Transaction", "Transactions", "connect", "database_url", "read_one", "transaction"]
