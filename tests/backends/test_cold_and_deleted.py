"""The cold tier and deleting on the real servers: six prefixes of a bucket, and OpenSearch."""

import hashlib
from collections.abc import Iterator

import pytest

from events import MessageSent, VideoDeleted, VideoReady, VideoRecalled
from shared.db import transaction
from shared.identity import Role
from shared.storage import replicate, signed_url
from shared.storage.nodes.nodes import load
from tests.buckets import buckets, keys
from tests.conftest import Database, Wadi
from tests.contract.search_indexes import own_index
from tests.films.rows import ready_video
from tests.films.stored import store_bytes
from tests.functions.deleting import delete, left
from tests.functions.people import Person, account, say
from tests.functions.waking import deliver, ping
from tests.real import need

SIZE = 300_001


@pytest.fixture
def bucket(database: Database, wadi: Wadi, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with buckets("cold") as (name,):
        for table in ("removal", "shard", "object", "node_lease", "upload", "garbage", "node"):
            database.all(f"delete from {table}")
        monkeypatch.setenv("AWS_S3_BUCKET", ",".join(f"{name}/{number}" for number in range(6)))
        monkeypatch.setenv("FREEZE_AFTER_DAYS", "30")
        monkeypatch.setenv("FREEZE_BYTES_PER_SECOND", "0")
        with transaction() as tx:
            assert len(load(tx).active()) == 6
        yield name
    for table in ("removal", "shard", "object", "node_lease", "garbage", "node"):
        database.all(f"delete from {table}")


def test_frozen_read_thawed_and_deleted_in_buckets(bucket: str, database: Database) -> None:
    owner = account(database, "Ada")
    video = ready_video(database, owner)
    key = f"videos/{video}/360p/0-0123abcd.m4s"
    data = hashlib.shake_256(key.encode()).digest(SIZE)
    store_bytes(key, data, video)
    replicate(transaction, key)
    database.all(
        "update video set thumbnails_done = true, subtitles_done = true, ready_at = now() - interval '1 year'"
        " where id = %s",
        (video,),
    )
    assert _sizes(bucket, video) == [SIZE] * 3

    assert ping("freeze").status_code == 204
    assert _sizes(bucket, video) == [75_001] * 6
    with transaction() as tx:
        url = signed_url(tx, key)
    assert owner.get("get_object", url).data == data

    assert deliver("thaw", VideoRecalled(video)).status_code == 204
    assert _sizes(bucket, video) == [SIZE] * 3

    assert ping("freeze").status_code == 204
    delete(owner, video)
    assert deliver("remove_video_files", VideoDeleted(video)).status_code == 204
    assert _sizes(bucket, video) == []
    assert left(database, video) == {}


def test_opensearch_forgets_it_too(database: Database, wadi: Wadi) -> None:
    from shared.search.opensearch.count import documents_of

    with own_index(need("opensearch")):
        owner = account(database, "Ada")
        video, other = ready_video(database, owner, "Oasis"), ready_video(database, owner, "Oasis too")
        said = say(owner, video, "oasis?")
        for each in (video, other):
            assert deliver("index_video", VideoReady(each)).status_code == 204
        assert deliver("index_message", MessageSent(video, said["id"])).status_code == 204
        assert documents_of(video) == 2
        delete(owner, video)
        assert [hit["id"] for hit in _found("oasis")] == [other], "at once"
        root = account(database, "Root", Role.ADMIN)
        answer = root.post("purge_videos", "/api/videos/purge", {"id": video})
        assert (answer.status_code, answer.json["left"]) == (200, [])  # type: ignore[index]
        assert (documents_of(video), documents_of(other)) == (0, 1)


def test_while_opensearch_is_away_all_else_goes(
    database: Database, wadi: Wadi, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = account(database, "Ada")
    video = ready_video(database, owner)
    store_bytes(f"videos/{video}/poster-0123abcd.jpg", b"a poster", video)
    delete(owner, video)
    with monkeypatch.context() as patch:
        patch.setenv("OPENSEARCH_URL", "http://127.0.0.1:1")
        assert deliver("remove_video_files", VideoDeleted(video), video).status_code == 503  # and comes again
        assert left(database, video).keys() <= {"placement_version"}
    assert deliver("remove_video_files", VideoDeleted(video), video).status_code == 204
    assert left(database, video) == {}


def _sizes(bucket: str, video: str) -> list[int]:
    return sorted(size for key, size in keys(bucket).items() if video in key)


def _found(text: str) -> list[dict[str, str]]:
    answer = Person().get("search", "/api/search", q=text)
    hits: list[dict[str, str]] = answer.json["results"]  # type: ignore[index]
    return hits
