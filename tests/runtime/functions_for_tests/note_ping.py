"""Woken by a PingSource; a row in the table `trouble` makes it fail."""

from shared.runtime.function import Context, ping_function


@ping_function()
def note_ping(context: Context) -> None:
    with context.transaction() as tx:
        tx.execute("insert into note (id, text) values ('ping', 'woken')")
        if tx.exists("select from trouble"):
            raise RuntimeError("as the test wants it")
