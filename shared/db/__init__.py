"""PostgreSQL: connections, transactions and migrations."""

from psycopg2.extensions import connection as Connection

from shared.db.pool import connect, database_url, read_one, transaction
from shared.db.transaction import Transaction, Transactions

__all__ = ["Connection", "Transaction", "Transactions", "connect", "database_url", "read_one", "transaction"]
