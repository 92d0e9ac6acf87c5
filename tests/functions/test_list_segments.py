"""The media segments of a video, and where they are."""

from contextlib import closing
from typing import Any

import pytest

from events import SegmentEncoded
from tests.conftest import Database
from tests.films.rows import make_video, mark_ready, plan_segment
from tests.films.stored import make_segments
from tests.functions.metering import metered
from tests.functions.people import Person, account, assert_problem
from tests.functions.uploading import sha256
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("wadi")


def listed(person: Person, video_id: str, **query: Any) -> dict[str, Any]:
    answer = person.get("list_segments", f"/api/videos/{video_id}/segments", **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json  # type: ignore[assignment]
    return found


def test_encoded_placed_and_planned(database: Database, creator: Person) -> None:
    video_id = make_video(database, creator.user_id)
    first, second = make_segments(database, video_id, ["720p"], 2)
    planned = plan_segment(database, video_id, "720p", 2)
    event = SegmentEncoded(video_id, first.id, "720p", 0, first.object_key, first.init_key)
    assert deliver("place_segment", event).status_code == 204
    found = listed(Person(), video_id)
    assert found["next"] is None
    assert [segment["id"] for segment in found["segments"]] == [first.id, second.id, planned]
    placed, encoded, to_come = found["segments"]
    assert placed == {
        "id": first.id,
        "rendition": "720p",
        "index": 0,
        "encoded": True,
        "placed": True,
        "nodes": ["node-1", "node-2", "node-3"],
        "start_s": 0.0,
        "duration_s": 10.0,
        "frames": 250,
        "codecs": "avc1.640028",
        "size": len(first.data),
        "sha256": sha256(first.data),
        "url": f"http://localhost:8080/api/segments/{first.id}",
        "init_url": f"http://localhost:8080/api/segments/{first.id}?init=true",
    }
    assert (encoded["placed"], len(encoded["nodes"]), encoded["start_s"]) == (False, 1, 10.0)
    assert to_come == {
        "id": planned, "rendition": "720p", "index": 2, "encoded": False, "placed": False, "nodes": []
    }  # fmt: skip


def test_pages_and_renditions(database: Database, creator: Person) -> None:
    video_id = make_video(database, creator.user_id)
    made = {s.id for s in make_segments(database, video_id, ["1080p", "360p", "audio"], 11)}
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = listed(creator, video_id, limit=7, **({"cursor": cursor} if cursor else {}))
        assert len(page["segments"]) <= 7
        seen += page["segments"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [(s["index"], s["rendition"]) for s in seen] == [
        (i, r) for i in range(11) for r in ("1080p", "360p", "audio")
    ]
    assert {s["id"] for s in seen} == made
    audio = listed(creator, video_id, rendition="audio")["segments"]
    assert [(s["index"], s["rendition"]) for s in audio] == [(i, "audio") for i in range(11)]
    assert listed(creator, video_id, rendition="none")["segments"] == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "-1:a"}])
def test_what_is_refused(database: Database, creator: Person, query: dict[str, Any]) -> None:
    path = f"/api/videos/{make_video(database, creator.user_id)}/segments"
    assert_problem(creator.get("list_segments", path, **query), 400, "invalid-request")


def test_a_private_video_is_for_its_owner(database: Database, creator: Person) -> None:
    video_id = make_video(database, creator.user_id, visibility="private")
    make_segments(database, video_id, ["720p"], 1)
    path = f"/api/videos/{video_id}/segments"
    assert_problem(Person().get("list_segments", path), 404, "not-found")
    assert_problem(account(database, "Eve").get("list_segments", path), 404, "not-found")
    assert len(listed(creator, video_id)["segments"]) == 1
    assert_problem(creator.get("list_segments", "/api/videos/none/segments"), 404, "not-found")


def test_of_a_ready_video_it_is_kept_until_a_replica_comes_or_goes(database: Database, creator: Person) -> None:
    video_id = make_video(database, creator.user_id)
    (segment,) = make_segments(database, video_id, ["720p"], 1)
    mark_ready(database, video_id)
    assert not listed(Person(), video_id)["segments"][0]["placed"]
    event = SegmentEncoded(video_id, segment.id, "720p", 0, segment.object_key, segment.init_key)
    assert deliver("place_segment", event).status_code == 204

    def nodes() -> list[str]:
        (found,) = listed(Person(), video_id)["segments"]
        assert found["placed"]
        return list(found["nodes"])

    with metered() as reads:
        assert [nodes(), nodes()] == [["node-1", "node-2", "node-3"]] * 2
    assert reads == {"miss": 1, "hit": 1}
    database.all("delete from replica where object_key = %s and node_id = 'node-2'", (segment.object_key,))
    assert nodes() == ["node-1", "node-3"]
    database.all("insert into replica (object_key, node_id) values (%s, 'node-2')", (segment.object_key,))
    assert nodes() == ["node-1", "node-2", "node-3"]
    whole = listed(Person(), video_id)
    with metered() as reads:
        assert listed(Person(), video_id, limit=1) == whole
        assert listed(Person(), video_id, rendition="360p")["segments"] == []
        assert (
            Person().get("list_segments", f"/api/videos/{video_id}/segments", cursor="0:720p").get_json()["segments"]
            == []
        )
    assert reads["hit"] == 0, "each page is another answer"


def test_two_that_place_objects_of_one_video_do_not_wait_for_each_other(database: Database, creator: Person) -> None:
    video_id = make_video(database, creator.user_id)
    first, second = make_segments(database, video_id, ["720p"], 2)
    place = "insert into replica (object_key, node_id) select %s, id from node on conflict do nothing"
    with closing(database.connect()) as one, closing(database.connect()) as other:
        one.cursor().execute(place, (first.object_key,))
        with other, other.cursor() as cursor:
            cursor.execute("set lock_timeout = '10s'")
            cursor.execute(place, (second.object_key,))
