"""The outbox: events commit with the state that they tell of, all or none, and none is lost or doubled after that."""

import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from events import (
    EVENTS,
    AudioPlanned,
    Event,
    MessageSent,
    NodeAdded,
    NodeRemoved,
    ObjectLost,
    ObjectRepaired,
    ScrubAsked,
    SegmentEncoded,
    SegmentPlaced,
    SegmentPlanned,
    SegmentPrioritized,
    SourceKept,
    VideoDeleted,
    VideoFailed,
    VideoPlanned,
    VideoPlayable,
    VideoReady,
    VideoRecalled,
    VideoUpdated,
    VideoUploaded,
)
from shared import db
from shared.identity import Role, issue_access_token
from shared.ids import new_id
from shared.outbox import publish
from shared.runtime.serve import create_app
from tests.conftest import Database
from tests.runtime.conftest import Notes
from tests.runtime.envelopes import assert_valid
from tests.runtime.processes import ROOT, environment
from tests.runtime.served import binary, client, deliver, structured

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


def samples(video: str) -> list[Event]:
    """One event of every kind."""
    return [
        VideoUploaded(video, "sources/s", "a film.mp4", 12),
        VideoPlanned(video),
        SegmentPlanned(video, 3, ["720p", "360p"]),
        SegmentPrioritized(video, 3, ["720p", "360p"]),
        AudioPlanned(video),
        SegmentEncoded(video, "s", "360p", 0, "videos/v/0.m4s", "videos/v/init.mp4"),
        SegmentPlaced(video, "s", "videos/v/0.m4s"),
        VideoPlayable(video),
        VideoReady(video),
        SourceKept(video, ["One picture of the film is missing."]),
        VideoFailed(video, "It is no film."),
        VideoUpdated(video),
        VideoRecalled(video),
        VideoDeleted(video),
        MessageSent(video, "m"),
        NodeAdded(video),
        NodeRemoved(video),
        ObjectRepaired(f"videos/{video}/0.m4s", video, "node-1", "its bytes are others"),
        ObjectLost(f"videos/{video}/0.m4s", video, "no replica is left"),
        ScrubAsked(),
    ]


def sent(database: Database, video: str) -> list[dict[str, Any]]:
    rows = database.all(
        "select topic, key, event from topic_record where event -> 'data' ->> 'video_id' = %s order by position",
        (video,),
    )
    assert all(row["topic"] == row["event"]["type"] and row["key"] == row["event"]["partitionkey"] for row in rows)
    return [row["event"] for row in rows]


def published(database: Database, events: list[Event]) -> list[dict[str, Any]]:
    """The events as they stand in their topics."""
    (before,) = database.all("select coalesce(max(position), 0) as position from topic_record")
    with db.transaction("/wadi/some-function") as tx:
        publish(tx, *events)
    rows = database.all("select event from topic_record where position > %s order by position", (before["position"],))
    return [row["event"] for row in rows]


def test_every_kind_of_event_is_sent_as_its_schema_says(database: Database) -> None:
    events = samples(new_id())
    assert {event.type for event in events} == set(EVENTS), "a new event belongs into the samples"
    produced = published(database, events)
    assert [event["type"] for event in produced] == [event.type for event in events]
    for event in produced:
        assert_valid(event)
        assert event["source"] == "/wadi/some-function"
    assert len({event["id"] for event in produced}) == len(events)


@pytest.mark.parametrize("kind", EVENTS.values(), ids=lambda kind: kind.type)
def test_the_schema_of_an_event_refuses_other_data(database: Database, kind: type[Event]) -> None:
    (event,) = published(database, [event for event in samples(new_id()) if type(event) is kind])
    for field in event["data"]:
        data = {name: value for name, value in event["data"].items() if name != field}
        with pytest.raises((jsonschema.ValidationError, KeyError)):
            assert_valid(event | {"data": data})
        with pytest.raises(jsonschema.ValidationError):
            assert_valid(event | {"data": data | {field: {"of": "another form"}}})


def test_the_source_is_the_function(notes: Notes) -> None:
    thing = new_id()
    deliver("note_under_lease", "", thing)
    assert [event["source"] for event in sent(notes.database, thing)] == ["/wadi/note-under-lease"] * 2


def make(thing: str, **headers: str) -> None:
    token = issue_access_token("somebody", Role.CREATOR)[0]
    answer = client("make_thing").post(
        f"/things/{thing}", json={"title": "A"}, headers={"Authorization": f"Bearer {token}", **headers}
    )
    assert answer.status_code == 201


def test_an_event_continues_the_trace_of_its_request(notes: Notes) -> None:
    thing = new_id()
    make(thing, traceparent=TRACEPARENT)
    (event,) = sent(notes.database, thing)
    assert event["traceparent"].split("-")[1] == TRACE
    assert event["traceparent"] != TRACEPARENT, "the span is a new one"


@pytest.mark.parametrize("given", ["", "nonsense", f"00-{'0' * 32}-b7ad6b7169203331-01", TRACEPARENT.upper()])
def test_without_a_good_trace_a_new_one_begins(notes: Notes, given: str) -> None:
    thing, other = new_id(), new_id()
    make(thing, traceparent=given)
    make(other, traceparent=given)
    traces = {event["traceparent"].split("-")[1] for each in (thing, other) for event in sent(notes.database, each)}
    assert len(traces) == 2
    assert TRACE not in traces


@pytest.mark.parametrize("mode", [binary, structured])
def test_an_event_continues_the_trace_of_the_event_that_caused_it(notes: Notes, mode: Any) -> None:
    thing = new_id()
    cause = VideoFailed(thing, "")
    request = mode(cause, traceparent=TRACEPARENT) if mode is structured else binary(cause)
    if mode is binary:
        request["headers"]["ce-traceparent"] = TRACEPARENT
    assert client("note_at_once").post("/", **request).status_code == 204
    assert {event["traceparent"].split("-")[1] for event in sent(notes.database, thing)} == {TRACE}


@pytest.mark.parametrize("function", ["note_at_once", "note_under_lease"])
def test_all_events_of_a_transaction_are_sent_or_none(notes: Notes, function: str) -> None:
    thing = new_id()
    deliver(function, "explode", thing)
    assert (sent(notes.database, thing), notes.in_outbox()) == ([], 0)
    deliver(function, "", thing)
    assert [event["type"] for event in sent(notes.database, thing)] == [VideoPlayable.type, VideoReady.type]
    assert notes.in_outbox() == 0


KILLED = """
import os, sys
from pathlib import Path
import shared.outbox.write
from tests.runtime.served import deliver

assert sys.argv[1] in ("before", "during")
if sys.argv[1] == "before":
    shared.outbox.write.relay_soon = lambda db: os._exit(9)
else:  # the relay's own transaction is under way
    import psycopg2.extensions
    def dies(db):
        with db.cursor() as cursor:
            cursor.execute("delete from outbox")
        os._exit(9)
    shared.outbox.write.relay_soon = dies
deliver("note_at_once", "", sys.argv[2])
"""


@pytest.mark.parametrize("moment", ["before", "during"])
def test_killed_between_commit_and_relay_loses_nothing(notes: Notes, moment: str) -> None:
    thing = new_id()
    ended = subprocess.run([sys.executable, "-c", KILLED, moment, thing], cwd=ROOT, env=environment(), check=False)
    assert ended.returncode == 9
    assert notes.about(thing) == ["done"], "the state is committed"
    assert (notes.sent(thing), notes.in_outbox()) == ([], 2), "and nobody was told"

    relay_outbox = create_app("relay_outbox").test_client()
    assert [relay_outbox.post("/").status_code for _ in range(2)] == [204, 204]
    assert notes.sent(thing) == [VideoPlayable.type, VideoReady.type]
    assert notes.in_outbox() == 0


def test_a_relay_that_fails_is_no_failure_of_the_work(notes: Notes) -> None:
    thing = new_id()
    notes.database.all("alter table topic_record rename to topic_record_away")
    try:
        assert deliver("note_at_once", "", thing).status_code == 204
    finally:
        notes.database.all("alter table topic_record_away rename to topic_record")
    assert (notes.sent(thing), notes.in_outbox()) == ([], 2)
    create_app("relay_outbox").test_client().post("/")
    assert notes.sent(thing) == [VideoPlayable.type, VideoReady.type]


def test_more_than_a_batch_is_sent_in_order(notes: Notes) -> None:
    thing = new_id()
    with db.transaction("/wadi/some-function") as tx:
        publish(tx, *(VideoFailed(thing, str(number)) for number in range(1203)))
    assert [event["data"]["reason"] for event in sent(notes.database, thing)] == [str(n) for n in range(1203)]


def test_consumers_are_woken(notes: Notes) -> None:
    import select

    listener = notes.database.connect()
    try:
        listener.autocommit = True
        listener.cursor().execute("listen wadi_topic")
        deliver("note_at_once", "", new_id())
        assert select.select([listener], [], [], 30)[0]
    finally:
        listener.close()
