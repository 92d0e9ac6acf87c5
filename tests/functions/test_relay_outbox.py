"""relay_outbox: sends what a crash left behind, and forgets what is long past. (The rest is in tests/runtime.)"""

import pytest

from events import VideoPlayable, VideoReady
from shared.db import connect
from shared.db.transaction import Transaction
from shared.ids import new_id
from shared.outbox import publish
from tests.conftest import Database, Wadi
from tests.functions.people import assert_problem
from tests.functions.waking import ping

HOURS = 24


@pytest.fixture(autouse=True)
def _kept_for(monkeypatch: pytest.MonkeyPatch, wadi: Wadi) -> None:
    monkeypatch.setenv("EVENT_RETENTION_HOURS", str(HOURS))


def leave_behind(*videos: str) -> None:
    """Committed, and the process was killed before it told."""
    db = connect()
    try:
        publish(Transaction(db, "/wadi/some-function"), *(VideoPlayable(video) for video in videos))
        db.commit()
    finally:
        db.close()


def topic(database: Database) -> list[str]:
    return [row["key"] for row in database.all("select key from topic_record order by position")]


def relay() -> None:
    assert ping("relay_outbox").status_code == 204


def test_what_was_left_behind_is_sent_once_in_order(database: Database) -> None:
    videos = [new_id() for _ in range(5)]
    leave_behind(*videos[:3])
    leave_behind(*videos[3:])
    assert topic(database) == []
    relay()
    relay()
    assert topic(database) == videos
    assert database.all("select 1 from outbox") == []


def test_without_anything_to_do_it_is_content(database: Database) -> None:
    before = topic(database)
    relay()
    assert topic(database) == before


def old(database: Database, hours: float) -> int:
    """A record that is so old; its position."""
    video = new_id()
    leave_behind(video)
    relay()
    row = database.one(
        "update topic_record set appended_at = now() - make_interval(mins => %s) where key = %s returning position",
        (int(hours * 60), video),
    )
    assert row is not None
    return int(row["position"])


def is_kept(database: Database, position: int) -> bool:
    return bool(database.all("select 1 from topic_record where position = %s", (position,)))


def test_an_event_is_forgotten_when_its_time_is_over(database: Database) -> None:
    young, past = old(database, HOURS - 0.5), old(database, HOURS + 0.5)
    relay()
    assert (is_kept(database, young), is_kept(database, past)) == (True, False)


def test_never_while_somebody_is_owed_it(database: Database) -> None:
    past = old(database, HOURS + 1)
    topic_name = VideoPlayable.type
    database.all(
        "insert into delivery (consumer_group, position, topic, key) values ('g', %s, %s, 'k')", (past, topic_name)
    )
    relay()
    assert is_kept(database, past)
    database.all("delete from delivery")
    relay()
    assert not is_kept(database, past)


def test_never_before_every_group_of_its_topic_has_read_it(database: Database) -> None:
    past = old(database, HOURS + 1)
    groups = [("fast", VideoPlayable.type, past), ("slow", VideoPlayable.type, past - 1), ("other", VideoReady.type, 0)]
    for group in groups:
        database.all("insert into consumer_offset (consumer_group, topic, position) values (%s, %s, %s)", group)
    relay()
    assert is_kept(database, past)
    database.all("update consumer_offset set position = %s where consumer_group = 'slow'", (past,))
    relay()
    assert not is_kept(database, past)
    database.all("delete from consumer_offset")


def test_a_receipt_outlives_every_delivery_of_its_event(database: Database) -> None:
    def receipt(hours: float, holder: str | None) -> str:
        event = new_id()
        database.all(
            "insert into inbox (consumer, source, id, holder, at)"
            " values ('c', 's', %s, %s, now() - make_interval(mins => %s))",
            (event, holder, int(hours * 60)),
        )
        return event

    young, past, held = receipt(2 * HOURS - 0.5, None), receipt(2 * HOURS + 0.5, None), receipt(2 * HOURS + 0.5, "h")
    relay()
    left = {row["id"] for row in database.all("select id from inbox")}
    assert {young, past, held} & left == {young, held}


def test_while_the_database_is_away_it_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/wadi")
    assert_problem(ping("relay_outbox"), 503, "unavailable")
