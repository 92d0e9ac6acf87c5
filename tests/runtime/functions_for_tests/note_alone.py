"""Woken by a PingSource, in one process at a time. A row in the table `trouble` gives its lock to another meanwhile."""

from shared import db
from shared.runtime.function import Context, ping_function


@ping_function(exclusive="note-alone")
def note_alone(context: Context) -> None:
    with context.transaction() as tx:
        tx.execute("insert into note (id, text) values ('alone', 'began')")
    with db.transaction() as tx:  # as when this process was paused for longer than its lease
        if tx.exists("select 1 from trouble"):
            tx.execute("update fence set token = token + 1 where name = 'note-alone'")
    with context.transaction() as tx:
        tx.execute("insert into note (id, text) values ('alone', 'ended')")
