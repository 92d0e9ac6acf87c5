"""Who may write which table: each has one owner, the only package that writes it.

The schema names the owner at the beginning of each table's comment, for example 'videos: A video, from …'.
"""

import re

from shared.db.migrate import FOLDER

FOLDERS = {
    "outbox": "shared/outbox",
    "delivery": "local/delivery",
    "idempotency": "shared/runtime",
    "rate_limit": "shared/rate_limit",
    "identity": "shared/identity",
    "videos": "shared/videos",
    "storage": "shared/storage",
    "uploads": "shared/uploads",
    "messages": "shared/messages",
    "search": "shared/search",
    "coordination": "shared/coordination",
    "db": "shared/db",
}


def owners() -> dict[str, str]:
    """The owner of each table, as the migrations say it; a later comment counts for more."""
    sql = "".join(file.read_text() for file in sorted(FOLDER.glob("*.sql")))
    return dict(re.findall(r"comment on table (\w+) is\s+'(\w+): ", sql))
