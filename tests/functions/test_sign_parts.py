"""URLs for parts whose checksums are known: all that an S3 node takes, and as good as any elsewhere."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.buckets import buckets, keys
from tests.conftest import Database, Wadi
from tests.functions.people import Person, account, assert_problem
from tests.functions.uploading import BYTES, PART, SIZE, Uploader, checksum_of_parts, sha256


def part_bytes(part: dict[str, Any]) -> bytes:
    return BYTES[part["offset"] :][: part["size"]]


def sign(uploader: Uploader, upload_id: str, *parts: dict[str, Any]) -> Any:
    return uploader.person.post("sign_parts", f"/api/uploads/{upload_id}/parts", {"parts": list(parts)})


def signed(uploader: Uploader, upload: dict[str, Any], *parts: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = [{"number": part["number"], "sha256": sha256(part_bytes(part))} for part in parts]
    answer = sign(uploader, upload["id"], *wanted)
    assert answer.status_code == 200, answer.text
    return list(answer.json["parts"])


def send(part: dict[str, Any], data: bytes) -> httpx.Response:
    return httpx.put(part["url"], content=data, headers=part["headers"], timeout=60)


@pytest.fixture
def bucket() -> Iterator[str]:
    with buckets("parts") as (name,):
        yield name


@pytest.fixture
def to_bucket(bucket: str, creator: Person, database: Database) -> Iterator[Uploader]:
    """The one node that takes objects is a bucket."""
    before = database.all("update node set weight = 0 where kind = 'directory' returning id, weight")
    database.all("insert into node (id, kind, location) values (%s, 's3', %s)", (f"node-{bucket}", f"s3://{bucket}"))
    yield Uploader(creator, database)
    database.all("update node set weight = 1 where id = any(%s)", ([row["id"] for row in before],))
    database.all("update node set weight = 0, state = 'removed' where id = %s", (f"node-{bucket}",))


def test_a_directory_takes_them_too(uploader: Uploader) -> None:
    upload = uploader.begin()
    assert all(part["url"] for part in upload["parts"])
    for part, ready in zip(upload["parts"], signed(uploader, upload, *upload["parts"]), strict=True):
        assert send(ready, part_bytes(part)).status_code == 200
    assert uploader.complete(upload["id"]).status_code == 202


def test_an_upload_to_a_bucket(to_bucket: Uploader, bucket: str) -> None:
    upload = to_bucket.begin()
    assert all("url" not in part for part in upload["parts"])  # none would work before the checksum is known
    first, *others = upload["parts"]
    for part, ready in zip(others, signed(to_bucket, upload, *others), strict=True):
        assert ready["url"].startswith("http://127.0.0.1")
        assert send(ready, part_bytes(part)).status_code == 200
    found = to_bucket.get(upload["id"]).json
    assert found is not None
    assert [part["received"] for part in found["parts"]] == [False, True, True]
    assert found["parts"][1]["sha256"] == sha256(BYTES[PART : 2 * PART])
    problem = assert_problem(to_bucket.complete(upload["id"]), 409, "upload-incomplete")
    assert problem["missing"] == [1]
    assert send(signed(to_bucket, upload, first)[0], part_bytes(first)).status_code == 200
    assert to_bucket.complete(upload["id"]).status_code == 202
    assert to_bucket.complete(upload["id"]).status_code == 202
    assert keys(bucket) == {f"objects/sources/{upload['id']}": SIZE}
    row = to_bucket.database.one("select * from object where key = %s", (f"sources/{upload['id']}",))
    assert row is not None
    assert (row["size"], row["sha256"], row["part_size"]) == (SIZE, checksum_of_parts(BYTES, PART), PART)


def test_other_bytes_than_those_signed_for_are_refused(to_bucket: Uploader) -> None:
    upload = to_bucket.begin()
    part = upload["parts"][0]
    (ready,) = signed(to_bucket, upload, part)
    assert send(ready, b"x" * part["size"]).status_code == 400
    assert httpx.put(ready["url"], content=part_bytes(part), timeout=60).status_code == 403  # without the checksum
    found = to_bucket.get(upload["id"]).json
    assert found is not None
    assert not any(part["received"] for part in found["parts"])


def test_an_aborted_upload_leaves_nothing_in_the_bucket(to_bucket: Uploader, bucket: str) -> None:
    upload = to_bucket.begin()
    part = upload["parts"][0]
    (ready,) = signed(to_bucket, upload, part)
    assert send(ready, part_bytes(part)).status_code == 200
    assert to_bucket.abort(upload["id"]).status_code == 204
    assert send(ready, part_bytes(part)).status_code == 404
    assert keys(bucket) == {}
    assert to_bucket.get(upload["id"]).status_code == 410


@pytest.mark.parametrize("number", [0, 4, -1])
def test_parts_that_there_are_not(uploader: Uploader, number: int) -> None:
    upload = uploader.begin()
    answer = sign(uploader, upload["id"], {"number": number, "sha256": hashlib.sha256().hexdigest()})
    assert "1 to 3" in assert_problem(answer, 400, "invalid-request")["detail"]


@pytest.mark.parametrize("text", ["", "abc", "Z" * 64, "A" * 64])
def test_checksums_that_are_none(uploader: Uploader, text: str) -> None:
    upload = uploader.begin()
    problem = assert_problem(sign(uploader, upload["id"], {"number": 1, "sha256": text}), 400, "invalid-request")
    assert problem["errors"][0]["field"] == "parts[0].sha256"


def test_uploads_of_others_and_completed_ones(uploader: Uploader, database: Database, wadi: Wadi) -> None:
    upload = uploader.begin()
    part = {"number": 1, "sha256": hashlib.sha256().hexdigest()}
    assert_problem(sign(Uploader(account(database, "Bob"), database), upload["id"], part), 404, "not-found")
    uploader.send_all(upload)
    assert uploader.complete(upload["id"]).status_code == 202
    assert_problem(sign(uploader, upload["id"], part), 409, "wrong-state")
