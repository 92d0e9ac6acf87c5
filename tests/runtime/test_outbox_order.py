"""Events of one key keep the order in which they were committed, and positions become visible in order, whoever writes
and relays at the same time."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection

from events import VideoFailed
from shared import db, outbox
from shared.db import Transaction
from shared.ids import new_id
from shared.outbox import relay
from shared.outbox.postgres.relay import APPEND_LOCK
from tests.conftest import Database
from tests.patience import until

WRITERS = 3
KEYS = 2
SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


def numbers_sent(database: Database, key: str) -> list[int]:
    rows = database.all("select event from topic_record where key = %s order by position", (key,))
    return [int(row["event"]["data"]["reason"]) for row in rows]


# --- interleavings, one step at a time


class Writer:
    """A transaction at a time, by hand."""

    def __init__(self, database: Database) -> None:
        self.db: connection = database.connect()
        self.tx = Transaction(self.db, "/wadi/some-function")
        self.pending: dict[str, list[int]] = {}


steps = st.lists(
    st.tuples(
        st.sampled_from(["publish", "publish", "publish", "commit", "roll back", "relay"]),
        st.integers(0, WRITERS - 1),
        st.integers(0, KEYS - 1),
    ),
    max_size=40,
)


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(steps=steps)
def test_committed_events_are_sent_once_in_order_and_others_never(
    database: Database, steps: list[tuple[str, int, int]]
) -> None:
    keys = [new_id() for _ in range(KEYS)]
    owners: dict[str, int] = {}  # of a key, while a transaction is open: as functions lock a video's row
    committed: dict[str, list[int]] = {key: [] for key in keys}
    writers = [Writer(database) for _ in range(WRITERS)]
    with closing(database.connect()) as relaying:
        for number, (what, who, which) in enumerate(steps):
            writer, key = writers[who], keys[which]
            if what == "publish" and owners.get(key, who) == who:
                owners[key] = who
                outbox.publish(writer.tx, VideoFailed(key, str(number)))
                writer.pending.setdefault(key, []).append(number)
            elif what in ("commit", "roll back"):
                writer.db.commit() if what == "commit" else writer.db.rollback()
                for mine, numbers in writer.pending.items():
                    if what == "commit":
                        committed[mine] += numbers
                    del owners[mine]
                writer.pending = {}
            elif what == "relay":
                relay(relaying)
                assert {key: numbers_sent(database, key) for key in keys} == committed
        for writer in writers:
            writer.db.close()
        relay(relaying)
    assert {key: numbers_sent(database, key) for key in keys} == committed


# --- real threads


@settings(max_examples=6, deadline=None, suppress_health_check=SLOW, derandomize=True)
@given(
    work=st.lists(
        st.lists(st.tuples(st.integers(0, KEYS - 1), st.integers(1, 3)), min_size=1, max_size=12),
        min_size=2,
        max_size=5,
    )
)
def test_threads_that_write_and_relay_at_once_keep_the_order(
    database: Database, work: list[list[tuple[int, int]]]
) -> None:
    database.all("create table if not exists counter (key text primary key, last int not null)")
    keys = [new_id() for _ in range(KEYS)]
    database.all("insert into counter select unnest(%s), 0", (keys,))

    def write(transactions: list[tuple[int, int]]) -> None:
        for which, count in transactions:
            with db.transaction("/wadi/some-function") as tx:  # relays at its end, beside all the others
                last = tx.value(int, "select last from counter where key = %s for update", (keys[which],))
                assert last is not None
                numbers = range(last + 1, last + 1 + count)
                outbox.publish(tx, *(VideoFailed(keys[which], str(number)) for number in numbers))
                tx.execute("update counter set last = %s where key = %s", (numbers[-1], keys[which]))

    with reading(database) as seen, ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(write, transactions) for transactions in work]:
            done.result()
    for which, key in enumerate(keys):
        total = sum(count for transactions in work for at, count in transactions if at == which)
        assert numbers_sent(database, key) == list(range(1, total + 1))
    positions = [row["position"] for row in database.all("select position from topic_record order by position")]
    assert seen == positions, "whoever reads from where it was has seen every position"


def test_a_position_is_not_seen_before_a_smaller_one(database: Database) -> None:
    """Another process, at the end of its relay, has a position and has not committed yet."""
    key = new_id()

    def publish() -> None:
        with db.transaction("/wadi/some-function") as tx:
            outbox.publish(tx, VideoFailed(key, "2"))

    def waiting() -> bool:
        return bool(
            database.all(
                "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )
        )

    with closing(database.connect()) as other, ThreadPoolExecutor(1) as pool:
        cursor = other.cursor()
        cursor.execute("select pg_advisory_xact_lock(%s)", (APPEND_LOCK,))
        cursor.execute(
            """insert into topic_record (topic, key, event) values ('t', %s, '{"data": {"reason": "1"}}')""", (key,)
        )
        published = pool.submit(publish)
        until(lambda: published.done() or waiting(), "the other one comes to its relay")
        assert numbers_sent(database, key) == []
        other.commit()
        published.result()
    assert numbers_sent(database, key) == [1, 2]


@contextmanager
def reading(database: Database) -> Iterator[list[int]]:
    """A consumer beside the block: reads what is beyond the last position that it saw, over and over."""
    seen = [row["position"] for row in database.all("select position from topic_record order by position")]
    stop = threading.Event()

    def read() -> None:
        with closing(database.connect()) as mine:
            mine.autocommit = True
            cursor = mine.cursor()
            last_round = False
            while not last_round:
                last_round = stop.is_set()
                after = seen[-1] if seen else 0
                cursor.execute("select position from topic_record where position > %s order by position", (after,))
                seen.extend(position for (position,) in cursor.fetchall())

    with ThreadPoolExecutor(1) as pool:
        reader = pool.submit(read)
        try:
            yield seen
        finally:
            stop.set()
            reader.result()
