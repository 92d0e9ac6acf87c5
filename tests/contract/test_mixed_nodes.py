"""Two directories and a bucket as the nodes: copies between them, URLs of both kinds, uploads to either."""

import time
from collections.abc import Iterator
from urllib.parse import urljoin

import httpx
import pytest
from werkzeug.test import TestResponse

from shared.db import transaction
from shared.objects.s3.store import S3Store
from shared.runtime.serve import create_app
from shared.storage import delete_object, replicate, signed_urls
from shared.storage.nodes.location import local_stores
from shared.storage.nodes.nodes import load
from tests.buckets import buckets, keys, s3
from tests.conftest import Database, Wadi
from tests.contract.object_nodes import serve_objects
from tests.films.stored import recorded, store_bytes
from tests.functions.people import Person, account, assert_problem
from tests.functions.uploading import BYTES
from tests.functions.waking import ping

KEYS = [f"videos/1/720p/{number}-0123abcd.m4s" for number in range(12)]


@pytest.fixture(scope="module")
def bucket(database: Database, wadi: Wadi) -> Iterator[str]:
    with buckets("mixed") as (name,):
        with transaction() as tx:
            load(tx)
            tx.execute("update node set state = 'removed' where id = 'node-3'")
            tx.execute("insert into node (id, kind, location) values ('bucket', 's3', %s)", (f"s3://{name}/p",))
        yield name


@pytest.fixture(scope="module")
def placed(database: Database, bucket: str) -> dict[str, bytes]:
    made = {key: key.encode() * 1000 for key in KEYS}
    for key, data in made.items():
        store_bytes(key, data, "1")
        assert replicate(transaction, key)
    return made


def only(database: Database, *nodes: str) -> None:
    """Only these nodes take what is new."""
    database.all("update node set weight = (id = any(%s))::int", (list(nodes),))


@pytest.fixture(autouse=True)
def _all_again(database: Database, bucket: str) -> Iterator[None]:
    yield
    database.all("update node set weight = 1, suspect_since = null")


def test_every_node_has_every_object(database: Database, placed: dict[str, bytes], bucket: str) -> None:
    for key, data in placed.items():
        assert recorded(database, key) == {"node-1", "node-2", "bucket"}
        for node in ("node-1", "node-2"):
            assert b"".join(local_stores()[node].open(key)) == data
        assert b"".join(S3Store("bucket", f"s3://{bucket}/p").open(key)) == data


def test_urls_lead_to_all_of_them(database: Database, placed: dict[str, bytes]) -> None:
    with transaction() as tx:
        urls = signed_urls(tx, KEYS)
    kinds = {"directory" if url.startswith("/objects/node-") else "bucket" for url in urls.values()}
    assert kinds == {"directory", "bucket"}
    with serve_objects() as gateway:
        for key, url in urls.items():
            assert httpx.get(urljoin(gateway, url)).content == placed[key]


@pytest.mark.parametrize("node", ["bucket", "node-1"])
def test_urls_lead_past_a_node_that_does_not_answer(database: Database, placed: dict[str, bytes], node: str) -> None:
    database.all("update node set suspect_since = now() where id = %s", (node,))
    with transaction() as tx:
        urls = signed_urls(tx, KEYS)
    kinds = {url.split("/")[2] if url.startswith("/objects/") else "bucket" for url in urls.values()}
    assert kinds == {"node-1", "node-2", "bucket"} - {node}


def test_what_is_deleted_is_gone_from_all(database: Database, placed: dict[str, bytes], bucket: str) -> None:
    store_bytes("videos/2/x.m4s", b"abc", "2")
    assert replicate(transaction, "videos/2/x.m4s")
    with transaction() as tx:
        delete_object(tx, "videos/2/x.m4s")
    assert not any("videos/2" in key for key in keys(bucket))
    assert all(local_stores()[node].size("videos/2/x.m4s") is None for node in ("node-1", "node-2"))


def test_a_whole_file_in_one_request_goes_to_a_bucket(database: Database, bucket: str) -> None:
    only(database, "bucket")
    person = account(database, "Ada")
    answer = send_whole(person, BYTES)
    assert answer.status_code == 202, answer.text
    assert answer.json is not None
    row = database.one("select source_key from video where id = %s", (answer.json["id"],))
    assert row is not None
    assert b"".join(S3Store("bucket", f"s3://{bucket}/p").open(row["source_key"])) == BYTES


def test_a_whole_file_passes_by_a_bucket_that_is_gone(database: Database, bucket: str) -> None:
    database.all("update node set weight = 1000 where id = 'bucket'")  # the first of nearly every key
    database.all("update node set location = location || '-none' where id = 'bucket'")
    database.all("update node set options = '{\"endpoint\": \"http://127.0.0.1:9\"}' where id = 'bucket'")
    try:
        answer = send_whole(account(database, "Bob"), BYTES)
        assert answer.status_code == 202, answer.text
        only(database, "bucket")
        assert_problem(send_whole(account(database, "Eve"), BYTES), 503, "unavailable")
    finally:
        database.all("update node set location = %s, options = '{}' where id = 'bucket'", (f"s3://{bucket}/p",))


def send_whole(person: Person, data: bytes) -> TestResponse:
    headers = {"Authorization": f"Bearer {person.token}"}
    client = create_app("upload_video").test_client()
    return client.post("/api/videos/upload?name=film.mp4", data=data, headers=headers, content_type="video/mp4")


def test_forgotten_uploads_are_swept(database: Database, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a killed put, and of an upload whose end was decided while the bucket did not answer."""
    store = S3Store("bucket", f"s3://{bucket}/p")
    store.multipart.start("sources/forgotten", 3, 3)
    s3().create_multipart_upload(Bucket=bucket, Key="p/objects/videos/killed")
    assert len(store.multipart.started()) == 2
    assert ping("expire_uploads").status_code == 204
    assert len(store.multipart.started()) == 2  # they may be alive
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 25 * 3600)
    assert ping("expire_uploads").status_code == 204
    assert store.multipart.started() == []
    assert not any(key.startswith("p/uploads/") for key in keys(bucket))
