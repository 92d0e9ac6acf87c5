"""The table `dead_letter`: events that no retry could get handled, kept for the operator."""

from shared.db import Transaction


def record_dead_letter(
    tx: Transaction,
    source: str,
    event_id: str,
    event_type: str,
    *,
    subject: str | None,
    destination: str | None,
    code: str | None,
    detail: str,
) -> None:
    """`destination` is the URL that did not take the event, `code` the status of its last answer, `detail` its text.
    The same event a second time changes nothing."""
    tx.execute(
        "insert into dead_letter (source, id, type, subject, destination, code, detail)"
        " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
        (source, event_id, event_type, subject, destination, code, detail),
    )
