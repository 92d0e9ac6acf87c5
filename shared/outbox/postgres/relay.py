"""The embedded transport: topics are tables of the database."""

from psycopg2.extensions import connection

# Appends are made one process at a time, so that positions become visible in order: a consumer that has read up to
# position n will never see a smaller one appear later. (An identity column alone does not give that: it counts at
# insert, not at commit.)
APPEND_LOCK = 7_236_910_002
BATCH = 500


def relay_to_postgres(db: connection) -> int:
    """Moves everything that is committed in the outbox to its topics, in order; how many events."""
    moved = 0
    while True:
        with db, db.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
            cursor.execute(
                """
                with taken as (
                    delete from outbox where seq in (select seq from outbox order by seq limit %s)
                    returning seq, topic, key, event
                )
                insert into topic_record (topic, key, event) select topic, key, event from taken order by seq
                """,
                (BATCH,),
            )
            count = cursor.rowcount
            if count:
                cursor.execute("notify wadi_topic")
        moved += count
        if count < BATCH:
            return moved
