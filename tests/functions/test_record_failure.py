"""record_failure: the dead letter sink. What a video cannot do without makes it fail; the rest is only recorded."""

from base64 import b64encode
from functools import cache

import flask
import msgspec
import pytest
from werkzeug.test import TestResponse

from events import (
    AudioPlanned,
    Event,
    MessageSent,
    SegmentEncoded,
    SegmentPlaced,
    SegmentPlanned,
    SegmentPrioritized,
    VideoFailed,
    VideoPlanned,
    VideoReady,
    VideoUploaded,
)
from shared.ids import new_id
from shared.runtime.serve import create_app
from tests.conftest import Database
from tests.films.film import Film, absent, short_file, uploaded
from tests.functions.people import Person


@pytest.fixture(scope="module")
def first(database: Database, creator: Person) -> Film:
    return uploaded(database, creator, short_file())


@pytest.fixture
def film(first: Film) -> Film:
    return first.twin()


@cache
def _app() -> flask.Flask:
    return create_app("record_failure")


def dead(
    event: Event,
    destination: str | None,
    event_id: str,
    said: bytes = b"No room left.",
    code: str = "503",
    path: str = "/",
) -> TestResponse:
    """A dead letter as a Knative source and ours send it."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": "/wadi/test",
        "ce-type": event.type,
        "ce-subject": event.subject,
        "ce-knativeerrorcode": code,
        "ce-knativeerrordata": b64encode(said).decode(),
    }
    if destination:
        headers["ce-knativeerrordest"] = f"http://{destination}.wadi.svc.cluster.local"
    body = msgspec.json.encode(event)
    return _app().test_client().post(path, data=body, content_type="application/json", headers=headers)


def letter(film: Film, event_id: str) -> dict[str, object]:
    row = film.database.one("select * from dead_letter where id = %s", (event_id,))
    assert row is not None
    return row


ESSENTIAL = [
    ("plan-video", lambda video: VideoUploaded(video, "sources/x", "x.mp4", 1), "could not be examined"),
    ("transcode-segment", lambda video: SegmentPlanned(video, 3, ["360p"]), "could not be encoded"),
    ("transcode-priority", lambda video: SegmentPrioritized(video, 3, ["360p"]), "could not be encoded"),
    ("transcode-audio", lambda video: AudioPlanned(video), "audio could not be encoded"),
    ("publish-video", lambda video: SegmentEncoded(video, "s", "360p", 0, "k", "i"), "could not be published"),
]
SIDE_BRANCHES = [
    ("place-segment", lambda video: SegmentEncoded(video, "s", "360p", 0, "k", "i")),
    ("release-source", lambda video: SegmentPlaced(video, "s", "k")),
    ("make-thumbnails", lambda video: VideoPlanned(video)),
    ("extract-subtitles", lambda video: VideoPlanned(video)),
    ("index-video", lambda video: VideoReady(video)),
    ("index-message", lambda video: MessageSent(video, "m")),
    ("somebody-elses", lambda video: VideoUploaded(video, "sources/x", "x.mp4", 1)),
]


@pytest.mark.parametrize(("consumer", "event", "says"), ESSENTIAL, ids=[case[0] for case in ESSENTIAL])
@pytest.mark.parametrize("state", ["uploaded", "planned", "playable"])
def test_without_the_essential_a_video_fails_visibly(film: Film, consumer: str, event, says: str, state: str) -> None:  # type: ignore[no-untyped-def]
    film.set(state=state)
    event_id, lost = new_id(), event(film.id)
    assert dead(lost, consumer, event_id).status_code == 204
    assert film.state == "failed"
    assert says in film.row["reason"]
    assert film.row["failed_at"] is not None
    assert film.sent(VideoFailed) == [VideoFailed(film.id, film.row["reason"])]
    recorded = letter(film, event_id)
    assert (
        recorded.items()
        >= {
            "source": "/wadi/test",
            "type": lost.type,
            "subject": lost.subject,
            "destination": f"http://{consumer}.wadi.svc.cluster.local",
            "code": "503",
            "detail": "No room left.",
        }.items()
    )


@pytest.mark.parametrize(("consumer", "event"), SIDE_BRANCHES, ids=[case[0] for case in SIDE_BRANCHES])
def test_without_a_side_branch_it_goes_on(film: Film, consumer: str, event) -> None:  # type: ignore[no-untyped-def]
    film.set(state="planned")
    event_id = new_id()
    assert dead(event(film.id), consumer, event_id).status_code == 204
    assert film.state == "planned"
    assert film.sent(VideoFailed) == []
    assert letter(film, event_id)["detail"] == "No room left."


def test_a_sender_that_names_no_destination_means_the_essential(film: Film) -> None:
    dead(SegmentEncoded(film.id, "s", "360p", 0, "k", "i"), None, new_id())
    assert film.state == "failed"


@pytest.mark.parametrize(("consumer", "state"), [("publish-video", "failed"), ("place-segment", "planned")])
def test_the_address_tells_whose_letter_it_is_where_a_broker_does_not(film: Film, consumer: str, state: str) -> None:
    film.set(state="planned")
    dead(SegmentEncoded(film.id, "s", "360p", 0, "k", "i"), None, new_id(), path=f"/?consumer={consumer}")
    assert film.state == state


def test_what_came_twice_and_is_in_progress_elsewhere_has_not_failed(film: Film) -> None:
    film.set(state="planned")
    event_id = new_id()
    dead(SegmentPlanned(film.id, 0, ["360p"]), "transcode-segment", event_id, code="409")
    assert (film.state, letter(film, event_id)["code"]) == ("planned", "409")


def test_delivered_again_it_is_recorded_once(film: Film) -> None:
    event_id = new_id()
    event = VideoUploaded(film.id, "sources/x", "x.mp4", 1)
    assert [dead(event, "plan-video", event_id).status_code for _ in range(3)] == [204, 204, 204]
    assert len(film.database.all("select 1 from dead_letter where id = %s", (event_id,))) == 1
    assert len(film.sent(VideoFailed)) == 1


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_a_video_that_has_come_to_an_end_stays_as_it_is(film: Film, state: str) -> None:
    film.set(state=state, reason="as it was")
    event_id = new_id()
    assert dead(SegmentPlanned(film.id, 0, ["360p"]), "transcode-segment", event_id).status_code == 204
    assert (film.state, film.row["reason"], film.sent(VideoFailed)) == (state, "as it was", [])
    assert letter(film, event_id)


def test_of_a_deleted_video_it_is_only_recorded(database: Database, creator: Person) -> None:
    film, event_id = absent(database, creator), new_id()
    assert dead(SegmentPlanned(film.id, 0, ["360p"]), "transcode-segment", event_id).status_code == 204
    assert letter(film, event_id)
    assert film.sent() == []


@pytest.mark.parametrize(
    "said", [b"", b"\xff\xfe no text", b"nul \0 in it", b"x" * 5000], ids=["", "bytes", "nul", "long"]
)
def test_whatever_the_last_try_answered_is_taken(film: Film, said: bytes) -> None:
    event_id = new_id()
    assert dead(VideoReady(film.id), "index-video", event_id, said).status_code == 204
    assert len(str(letter(film, event_id)["detail"])) <= 2000


@pytest.mark.parametrize("data", ["not base64!", "YWJ", None])
def test_what_is_no_base64_is_taken_too(film: Film, data: str | None) -> None:
    event_id = new_id()
    headers = {"ce-specversion": "1.0", "ce-id": event_id, "ce-source": "/elsewhere", "ce-type": "com.example.other"}
    if data is not None:
        headers["ce-knativeerrordata"] = data
    answer = _app().test_client().post("/", headers=headers)
    assert answer.status_code == 204, answer.text
    assert letter(film, event_id)["subject"] is None
