"""Deletes records of topics in PostgreSQL that nobody will read again."""

from shared.db import Transaction


def delete_old_records(tx: Transaction, hours: int) -> None:
    """Records older than `hours` that are delivered to every consumer there is. As with Kafka's retention, a consumer
    that is added later begins with the earliest record that is still there."""
    tx.execute(
        """
        delete from topic_record r where appended_at < now() - make_interval(hours => %s)
          and not exists (select 1 from delivery d where d.position = r.position)
          and not exists (select 1 from consumer_offset o where o.topic = r.topic and o.position < r.position)
        """,
        (hours,),
    )
