"""The embedded PostgreSQL, for a machine that has none set by DATABASE_URL."""

from local.postgres.server import Server, running, start
from local.postgres.user import LocalError

__all__ = ["LocalError", "Server", "running", "start"]
