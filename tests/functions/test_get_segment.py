"""A segment's address leads to its bytes, for those who may watch the video."""

import hashlib
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from werkzeug.test import TestResponse

from events import SegmentEncoded
from shared.identity import Role
from shared.runtime.serve import create_app
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.rows import make_video, plan_segment
from tests.films.stored import SegmentRow, holders, make_segments, recorded
from tests.functions.people import Person, account, assert_problem
from tests.functions.waking import deliver, ping


@pytest.fixture(scope="module")
def segment(database: Database, creator: Person) -> SegmentRow:
    return make_segments(database, make_video(database, creator.user_id), ["720p"], 1)[0]


def follow(base: str, location: str) -> httpx.Response:
    return httpx.get(urljoin(f"{base}/api/segments/1", location))


def test_it_leads_to_the_bytes(segment: SegmentRow, object_server: str) -> None:
    answer = Person().get("get_segment", f"/api/segments/{segment.id}")
    assert answer.status_code == 302
    media = follow(object_server, answer.headers["Location"])
    assert (media.status_code, media.content) == (200, segment.data)
    assert media.headers["Content-Type"] == "video/iso.segment"


def test_it_leads_there_below_the_path_that_a_proxy_puts_before_ours(segment: SegmentRow, object_server: str) -> None:
    location = Person().get("get_segment", f"/api/segments/{segment.id}").headers["Location"]
    assert urljoin("https://host/video/api/segments/1", location).startswith("https://host/video/objects/node-")


def test_it_leads_to_the_init_segment(segment: SegmentRow, object_server: str) -> None:
    answer = Person().get("get_segment", f"/api/segments/{segment.id}", init="true")
    media = follow(object_server, answer.headers["Location"])
    assert (media.status_code, media.content) == (200, segment.init)
    assert media.headers["Content-Type"] == "video/mp4"


def test_any_replica_serves_when_others_are_lost(database: Database, creator: Person, object_server: str) -> None:
    (segment,) = make_segments(database, make_video(database, creator.user_id), ["720p"], 1)
    event = SegmentEncoded(segment.video_id, segment.id, "720p", 0, segment.object_key, segment.init_key)
    assert deliver("place_segment", event).status_code == 204
    lost = sorted(recorded(database, segment.object_key))[:2]
    for node_id in lost:
        local_stores()[node_id].delete(segment.object_key)
    answer = Person().get("get_segment", f"/api/segments/{segment.id}")
    led = answer.status_code == 302
    assert (follow(object_server, answer.headers["Location"]).content if led else answer.data) == segment.data


def test_a_private_video_is_for_its_owner_and_admins(database: Database, creator: Person, object_server: str) -> None:
    (segment,) = make_segments(database, make_video(database, creator.user_id, visibility="private"), ["720p"], 1)
    path = f"/api/segments/{segment.id}"
    for stranger in (Person(), account(database, "Eve")):
        assert_problem(stranger.get("get_segment", path), 404, "not-found")
    assert creator.get("get_segment", path).status_code == 302
    assert account(database, "Admin", Role.ADMIN).get("get_segment", path).status_code == 302
    by_query = Person().get("get_segment", path, token=creator.token)
    assert follow(object_server, by_query.headers["Location"]).content == segment.data
    assert_problem(Person().get("get_segment", path, token="no token"), 401, "not-authenticated")


def test_what_is_not_there(database: Database, creator: Person) -> None:
    assert_problem(creator.get("get_segment", "/api/segments/none"), 404, "not-found")
    planned = plan_segment(database, make_video(database, creator.user_id), "720p", 0)
    assert (
        "not encoded"
        in assert_problem(creator.get("get_segment", f"/api/segments/{planned}"), 404, "not-found")["detail"]
    )


def placed(database: Database, creator: Person) -> SegmentRow:
    """On all three nodes."""
    (segment,) = make_segments(database, make_video(database, creator.user_id), ["720p"], 1)
    event = SegmentEncoded(segment.video_id, segment.id, "720p", 0, segment.object_key, segment.init_key)
    assert deliver("place_segment", event).status_code == 204
    return segment


def first_node(segment: SegmentRow) -> str:
    """The one that a redirect leads to."""
    answer = Person().get("get_segment", f"/api/segments/{segment.id}")
    return urlsplit(urljoin("https://host/api/segments/1", answer.headers["Location"])).path.split("/")[2]


def asked(segment: SegmentRow, method: str = "GET", **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer: TestResponse = (
        create_app("get_segment")
        .test_client()
        .open(f"/api/segments/{segment.id}", method=method, headers=named, query_string={"verified": "true"})
    )
    return answer


@pytest.mark.parametrize("harm", ["missing", "short", "away"])
def test_where_the_first_replica_is_gone_the_bytes_of_the_next_are_given(
    harm: str, database: Database, creator: Person, object_server: str
) -> None:
    segment = placed(database, creator)
    store = local_stores()[first_node(segment)]
    path = store.root / "objects" / segment.object_key
    match harm:
        case "missing":
            path.unlink()
        case "short":
            path.write_bytes(segment.data[:100])
        case "away":
            store.root.rename(store.root.with_name("away"))
    try:
        answer = Person().get("get_segment", f"/api/segments/{segment.id}")
    finally:
        if harm == "away":
            store.root.with_name("away").rename(store.root)
    assert (answer.status_code, answer.data) == (200, segment.data)
    assert answer.headers["Content-Type"] == "video/iso.segment"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(segment.data).hexdigest()}"'


def test_a_replica_of_other_bytes_is_passed_over_and_scrubbed_next(
    database: Database, creator: Person, object_server: str
) -> None:
    segment = placed(database, creator)
    harmed = first_node(segment)
    (local_stores()[harmed].root / "objects" / segment.object_key).write_bytes(bytes(len(segment.data)))
    assert asked(segment).data == segment.data
    assert ping("scrub").status_code == 204
    assert harmed in holders(segment.object_key, segment.data)


def test_what_is_damaged_everywhere_is_given_to_nobody(database: Database, creator: Person, object_server: str) -> None:
    segment = placed(database, creator)
    for store in local_stores().values():
        (store.root / "objects" / segment.object_key).write_bytes(bytes(len(segment.data)))
    assert_problem(asked(segment), 503, "unavailable")


def test_parts_of_a_segment(database: Database, creator: Person, object_server: str) -> None:
    segment = placed(database, creator)
    size, etag = len(segment.data), asked(segment).headers["ETag"]
    for wanted, start, end in (
        ("0-0", 0, 1),
        ("10-19", 10, 20),
        (f"{size - 5}-", size - 5, size),
        ("-7", size - 7, size),
    ):
        answer = asked(segment, Range=f"bytes={wanted}")
        assert (answer.status_code, answer.data) == (206, segment.data[start:end])
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert answer.headers["Content-Length"] == str(end - start)
    beyond = asked(segment, Range=f"bytes={size}-")
    assert_problem(beyond, 416, "range-not-satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{size}"
    assert asked(segment, Range="bytes=0-9", If_Range=etag).status_code == 206
    for ignored in (
        {"If_Range": '"another"'},
        {"If_Range": f"W/{etag}"},
        {"If_Range": "Wed, 21 Oct 2015 07:28:00 GMT"},
    ):
        assert asked(segment, Range="bytes=0-9", **ignored).status_code == 200
    for not_understood in ("bytes=0-1,5-6", "lines=0-1", "bytes=x"):
        assert asked(segment, Range=not_understood).data == segment.data
    assert asked(segment, If_None_Match=etag).status_code == 304
    assert asked(segment, If_None_Match='"another"').status_code == 200
    head = asked(segment, "HEAD")
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(size))
    head.close()
