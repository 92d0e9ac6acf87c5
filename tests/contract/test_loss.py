"""Loss is impossible and damage is told: real films, whole and damaged, from upload to the end of their source."""

import itertools
from pathlib import Path
from typing import Any

import pytest

from events import SegmentEncoded, SourceKept, VideoFailed, VideoReady
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.film import ENCODERS, Film, planned, uploaded
from tests.films.stored import recorded
from tests.functions.people import Person, account
from tests.functions.waking import deliver
from tests.media.clips import blot, cached, clip, damaged, ffmpeg

EVERYTHING = (*ENCODERS, "make_thumbnails", "extract_subtitles", "publish_video", "place_segment", "release_source")
X264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 50 -bf 0"
ALL_NODES = {"node-1", "node-2", "node-3"}


@pytest.fixture(scope="module")
def creator(database: Database, wadi: Wadi) -> Person:
    return account(database, "Ada")


def whole_file() -> Path:
    """20 s: two segments."""
    return clip("loss.mp4", frames=500, video=X264, output="-movflags faststart")


def damaged_file() -> Path:
    """The second segment has no picture."""
    return damaged("loss-blot.mp4", whole_file(), lambda data: blot(data, 8, 21), "8 to 21 s")


def published(database: Database, owner: Person, file: Path) -> Film:
    film = uploaded(database, owner, file)
    film.run(*EVERYTHING)
    return film


def publish(*events: SegmentEncoded) -> None:
    for event in events:
        assert deliver("publish_video", event).status_code == 204


def has_source(film: Film) -> bool:
    key = film.row["source_key"]
    nodes = recorded(film.database, key)
    assert nodes == {store.id for store in local_stores().values() if store.size(key) is not None}
    assert nodes in (set(), ALL_NODES), "one that is kept has all its replicas"
    return bool(nodes)


def told(film: Film) -> list[dict[str, Any]]:
    """What the status and the video say."""
    answers = [
        film.owner.get("video_status", f"/api/videos/{film.id}/status"),
        film.owner.get("get_video", f"/api/videos/{film.id}"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    return [answer.json for answer in answers]  # type: ignore[misc]


def test_the_source_of_a_whole_film_goes(database: Database, creator: Person) -> None:
    film = published(database, creator, whole_file())
    assert film.state == "ready"
    assert not has_source(film)
    for said in told(film):
        assert "damage" not in said
        assert "source_kept" not in said
    assert film.sent(SourceKept) == []


def test_a_damaged_film_says_so_and_its_source_stays(database: Database, creator: Person) -> None:
    film = published(database, creator, damaged_file())
    assert film.state == "ready"
    assert has_source(film)
    for said in told(film):
        damage = said["damage"]
        assert damage["length_s"] == pytest.approx(20, abs=0.1)
        (track,) = damage["tracks"]
        assert track["track"] == "video"
        assert 9.9 < track["missing_s"] <= 12.1
        assert damage["message"].endswith("20 s of the picture could not be decoded.")
        assert damage["message"] in said["source_kept"]
    (event,) = film.sent(SourceKept)
    assert isinstance(event, SourceKept)
    assert damage["message"] in event.reasons


def test_a_source_that_is_kept_stays_and_is_told_of_once(database: Database, creator: Person) -> None:
    film = published(database, creator, damaged_file())
    again = Film(database, film.id, creator)
    again.run("release_source")
    assert has_source(film)
    assert len(film.sent(SourceKept)) == 1


def test_a_segment_with_a_picture_less_keeps_the_source(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, whole_file())
    film.run(*EVERYTHING[:-1])
    assert film.state == "ready"
    database.all(
        "update media_segment set frames = frames - 1 where video_id = %s and rendition <> 'audio' and index = 1",
        (film.id,),
    )
    film.run("release_source")
    assert has_source(film)
    (event,) = film.sent(SourceKept)
    assert isinstance(event, SourceKept)
    assert event.reasons == ["180p has 499 pictures, where 500 were planned: segment 1 is the first that differs."]
    for said in told(film):
        assert event.reasons[0] in said["source_kept"]


def test_with_a_second_film_in_it_the_source_stays(database: Database, creator: Person) -> None:
    def join(path: Path) -> None:
        ffmpeg("-i", whole_file(), "-i", whole_file(), "-map", "0", "-map", "1:v", "-c", "copy", path)

    film = published(database, creator, cached("loss-two.mkv", "two films", join))
    assert film.state == "ready"
    assert has_source(film)
    (event,) = film.sent(SourceKept)
    assert isinstance(event, SourceKept)
    assert event.reasons == ["The picture of stream 2 (h264) is not published: a second picture."]


def test_a_kept_source_goes_with_its_video(database: Database, creator: Person) -> None:
    film = published(database, creator, damaged_file())
    assert creator.delete("delete_video", f"/api/videos/{film.id}").status_code == 204
    row = film.row
    assert (row["damage"], row["source_kept"]) == (None, None)


def test_a_film_that_is_all_filler_fails_as_soon_as_that_is_certain(database: Database, creator: Person) -> None:
    """Each segment is made in one rendition, the sound is not even begun."""
    film = planned(database, creator, whole_file())
    (rung,) = film.row["plan"]["renditions"]
    events = [film.encoded(rung["name"], index) for index in range(len(film.row["plan"]["frames"]))]
    database.all("update media_segment set filler = true where video_id = %s and object_key is not null", (film.id,))
    publish(events[0])
    assert film.state == "failed"
    assert film.row["reason"] == (
        "Not one picture of the video (h264) could be decoded: upload it again from an undamaged file, or in another"
        " codec, such as H.264."
    )
    assert film.sent(VideoReady) == []
    assert film.sent(VideoFailed) == [VideoFailed(film.id, film.row["reason"])]


@pytest.mark.parametrize("good", [0, 1])
def test_one_good_segment_is_a_film(database: Database, creator: Person, good: int) -> None:
    film = planned(database, creator, whole_file())
    (rung,) = film.row["plan"]["renditions"]
    events = [film.encoded(*which) for which in itertools.product([rung["name"], "audio"], range(2))]
    database.all(
        "update media_segment set filler = true where video_id = %s and rendition = %s and index <> %s",
        (film.id, rung["name"], good),
    )
    publish(*events)
    assert film.state == "ready"
    damage = film.row["damage"]
    first, cut, last = (each / 12_800 for each in film.row["plan"]["cuts"])
    assert damage["tracks"] == [{"track": "video", "missing_s": pytest.approx([last - cut, cut - first][good])}]
    assert damage["length_s"] == 20
