"""A deleted video is gone from every answer at once, and nothing that comes late brings it back."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from events import (
    AudioPlanned,
    Event,
    MessageSent,
    SegmentEncoded,
    SegmentPlanned,
    SegmentPrioritized,
    VideoDeleted,
    VideoPlanned,
    VideoReady,
    VideoUpdated,
    VideoUploaded,
)
from shared.identity import Role
from tests.conftest import Database
from tests.films.film import long_file, planned, short_file
from tests.films.rows import ready_video
from tests.films.stored import store_bytes
from tests.functions.deleting import delete, left
from tests.functions.people import Person, account, assert_problem, at_once, say
from tests.functions.uploading import BYTES, Uploader, at_the_same_time, events, everything_stored
from tests.functions.waking import deliver, ping

pytestmark = pytest.mark.usefixtures("wadi")


def test_it_is_gone_from_every_answer_at_once(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Quicksand")
    said = say(creator, video, "quicksand indeed")
    deliver("index_video", VideoReady(video))
    deliver("index_message", MessageSent(video, said["id"]))
    assert len(creator.get("search", "/api/search", q="quicksand").json["results"]) == 2  # type: ignore[index]
    answer = delete(creator, video)
    assert (answer.status_code, answer.data) == (204, b"")
    path = f"/api/videos/{video}"
    for capability, below in (
        ("get_video", ""),
        ("video_status", "/status"),
        ("watch_status", "/status/stream"),
        ("manifest", "/manifest/master.m3u8"),
        ("list_segments", "/segments"),
        ("list_messages", "/messages"),
    ):
        for person in (Person(), creator, account(database, "Admin", Role.ADMIN)):
            assert_problem(person.get(capability, path + below), 404, "not-found")
    assert creator.get("search", "/api/search", q="quicksand").json["results"] == []  # type: ignore[index]
    for query in ({}, {"owner": "me"}):
        listed = creator.get("list_videos", "/api/videos", **query).json["videos"]  # type: ignore[index]
        assert video not in {each["id"] for each in listed}
    assert_problem(creator.post("send_message", f"{path}/messages", {"body": "late"}), 404, "not-found")
    assert_problem(creator.post("retry_video", f"{path}/retry"), 404, "not-found")
    assert events(database, VideoDeleted.type, video) == [{"video_id": video}]


def test_what_it_was_called_is_forgotten(database: Database, creator: Person) -> None:
    video = ready_video(database, creator, "Secret", description="more", tags=["hidden"])
    delete(creator, video)
    assert database.all("select title, description, tags, plan from video where id = %s", (video,)) == [
        {"title": "", "description": "", "tags": [], "plan": None}
    ]


def test_only_its_owner_and_admins_may(database: Database, creator: Person) -> None:
    video = ready_video(database, creator)
    assert_problem(delete(Person(), video), 401, "not-authenticated")
    assert_problem(delete(account(database, "Eve"), video), 404, "not-found")
    assert creator.get("get_video", f"/api/videos/{video}").status_code == 200
    assert delete(account(database, "Admin", Role.ADMIN), video).status_code == 204


def test_a_second_time_it_is_not_there(database: Database, creator: Person) -> None:
    video = ready_video(database, creator)
    with at_once(database, "select 1 from video where id = %s for update", (video,), 2) as pool:
        answers = [pool.submit(delete, creator, video) for _ in range(2)]
    assert sorted(answer.result().status_code for answer in answers) == [204, 404]
    assert len(events(database, VideoDeleted.type, video)) == 1


def test_an_upload_in_progress_ends(uploader: Uploader, database: Database) -> None:
    before = everything_stored()
    upload = uploader.begin()
    uploader.send(upload["parts"][0])
    assert delete(uploader.person, upload["video_id"]).status_code == 204
    assert_problem(uploader.get(upload["id"]), 410, "gone")
    assert_problem(uploader.complete(upload["id"]), 410, "gone")
    assert deliver("remove_video_files", VideoDeleted(upload["video_id"])).status_code == 204
    assert uploader.send(upload["parts"][1]).status_code == 410
    assert everything_stored() == before
    assert left(database, upload["video_id"]) == {}


def test_a_completion_at_the_same_time_wins_or_loses_whole(uploader: Uploader, database: Database) -> None:
    before = everything_stored()
    for _ in range(5):
        upload = uploader.begin(len(BYTES))
        uploader.send_all(upload)
        completed, deleted = at_the_same_time(
            lambda u=upload: uploader.complete(u["id"]).status_code,
            lambda u=upload: delete(uploader.person, u["video_id"]).status_code,
        )
        assert deleted == 204
        assert completed in (202, 410)
        assert deliver("remove_video_files", VideoDeleted(upload["video_id"])).status_code == 204
        assert_problem(uploader.complete(upload["id"]), 410, "gone")
        assert left(database, upload["video_id"]) == {}
    assert everything_stored() == before


LATE: dict[str, Callable[[str], Event]] = {
    "plan_video": lambda video: VideoUploaded(video, "sources/none", "film.mp4", 1),
    "transcode_segment": lambda video: SegmentPlanned(video, 0, ["360p"]),
    "transcode_priority": lambda video: SegmentPrioritized(video, 0, ["360p"]),
    "transcode_audio": AudioPlanned,
    "make_thumbnails": VideoPlanned,
    "extract_subtitles": VideoPlanned,
    "publish_video": lambda video: SegmentEncoded(video, "none", "360p", 0, "videos/none", "videos/none"),
    "place_segment": lambda video: SegmentEncoded(video, "none", "360p", 0, "videos/none", "videos/none"),
    "index_video": VideoReady,
    "reindex_video": VideoUpdated,
}


@pytest.mark.parametrize("emptied", [False, True])
@pytest.mark.parametrize("capability", LATE)
def test_what_comes_late_does_not_bring_it_back(
    database: Database, creator: Person, capability: str, emptied: bool
) -> None:
    before = everything_stored()
    film = planned(database, creator, short_file())
    delete(creator, film.id)
    if emptied:
        assert deliver("remove_video_files", VideoDeleted(film.id)).status_code == 204
    assert deliver(capability, LATE[capability](film.id)).status_code == 204
    assert film.state == "deleted"
    assert deliver("remove_video_files", VideoDeleted(film.id)).status_code == 204
    assert left(database, film.id) == {}
    assert everything_stored() == before


@pytest.mark.parametrize(
    ("capability", "event"),
    [
        ("transcode_segment", lambda video: SegmentPlanned(video, 0, ["480p", "360p"])),
        ("transcode_audio", AudioPlanned),
        ("make_thumbnails", VideoPlanned),
        ("extract_subtitles", VideoPlanned),
    ],
)
def test_work_under_way_notices(
    database: Database, creator: Person, capability: str, event: Callable[[str], Event]
) -> None:
    """The video goes at some moment of the work; whichever it was, nothing is left."""
    before = everything_stored()
    for delay in (0.0, 0.2, 0.4):
        film = planned(database, creator, long_file())
        with ThreadPoolExecutor(1) as pool:
            work = pool.submit(deliver, capability, event(film.id))
            time.sleep(delay)  # the moment, not a wait for something
            assert delete(creator, film.id).status_code == 204
            assert deliver("remove_video_files", VideoDeleted(film.id)).status_code == 204
            answer: TestResponse = work.result()
        assert answer.status_code == 204, answer.text
        ping("finish_removals")
        assert film.segments() == []
        assert film.state == "deleted"
        assert left(database, film.id) == {}
    assert everything_stored() == before


def test_bytes_that_somebody_brings_late_are_not_kept(database: Database, creator: Person) -> None:
    before = everything_stored()
    video = ready_video(database, creator)
    delete(creator, video)
    assert deliver("remove_video_files", VideoDeleted(video)).status_code == 204
    store_bytes(f"videos/{video}/360p/0-0123abcd.m4s", b"late", video)
    assert left(database, video).keys() == {"removal"}
    told = database.all("select 1 from topic_record where topic = 'wadi.video.deleted' and key = %s", (video,))
    assert len(told) == 2  # by the deletion, and for what came late: the upkeep is minutes away
    assert deliver("remove_video_files", VideoDeleted(video)).status_code == 204
    assert left(database, video) == {}
    assert everything_stored() == before
