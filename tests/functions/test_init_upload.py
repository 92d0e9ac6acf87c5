"""An upload begins: where each part goes, and what is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.identity import Role
from shared.storage.nodes.location import local_stores
from shared.uploads.model import part_size_for
from tests.conftest import Database, Wadi
from tests.functions.people import Person, account, assert_problem
from tests.functions.uploading import MIB, PART, SIZE, Uploader, everything_stored


def test_parts_cover_the_file(uploader: Uploader, database: Database) -> None:
    answer = uploader.init(title="A film", description="Of\ntwo lines", tags=["a", " b ", "a"], visibility="private")
    assert answer.status_code == 201
    upload: dict[str, Any] = answer.json  # type: ignore[assignment]
    assert (upload["part_size"], upload["size"], upload["name"], upload["state"]) == (PART, SIZE, "film.mp4", "open")
    assert [(part["number"], part["offset"], part["size"], part["received"]) for part in upload["parts"]] == [
        (1, 0, PART, False),
        (2, PART, PART, False),
        (3, 2 * PART, 4321, False),
    ]
    left = datetime.fromisoformat(upload["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=47) < left <= timedelta(hours=48)
    video = database.one("select * from video where id = %s", (upload["video_id"],))
    assert video is not None
    assert (video["state"], video["owner_id"]) == ("uploading", uploader.person.user_id)
    assert (video["title"], video["description"], video["tags"]) == ("A film", "Of\ntwo lines", ["a", "b"])
    assert (video["visibility"], video["source_name"], video["source_size"]) == ("private", "film.mp4", SIZE)


def test_a_part_is_taken_where_it_is_said(uploader: Uploader) -> None:
    upload = uploader.begin()
    assert uploader.send(upload["parts"][1]).status_code == 200


def test_an_upload_takes_no_space_before_its_parts_come(uploader: Uploader) -> None:
    upload = uploader.begin(200 * MIB)
    row = uploader.row(upload["id"])
    data = uploader.store(upload["id"]).root / "uploads" / row["multipart_id"] / "data"
    assert data.stat().st_size == 200 * MIB
    assert data.stat().st_blocks * 512 < MIB


@pytest.mark.parametrize(("size", "parts"), [(1, 1), (PART, 1), (PART + 1, 2), (3 * PART, 3)])
def test_small_files_have_parts_of_eight_mib(uploader: Uploader, size: int, parts: int) -> None:
    upload = uploader.begin(size)
    assert len(upload["parts"]) == parts
    assert sum(part["size"] for part in upload["parts"]) == size


@pytest.mark.parametrize("size", [1000 * PART, 1000 * PART + 1, 100 * 2**30, 2**43 - 1])
def test_large_files_have_a_thousand_parts_at_most(size: int) -> None:
    part_size = part_size_for(size)
    assert part_size % MIB == 0
    assert part_size >= PART
    assert 800 < -(-size // part_size) <= 1000


def test_the_name_gives_the_title_and_loses_its_path(uploader: Uploader, database: Database) -> None:
    upload = uploader.begin(name="C:\\films\\../My film.2024.mkv ")
    assert upload["name"] == "My film.2024.mkv"
    video = database.one("select title from video where id = %s", (upload["video_id"],))
    assert video == {"title": "My film.2024"}


@pytest.mark.parametrize(
    ("fields", "slug", "status", "field"),
    [
        ({"size": 0}, "invalid-request", 400, "size"),
        ({"size": -1}, "invalid-request", 400, "size"),
        ({"size": 100 * 2**30 + 1}, "too-large", 413, None),
        ({"size": 1.5}, "invalid-request", 400, "size"),
        ({"size": "12"}, "invalid-request", 400, "size"),
        ({"size": True}, "invalid-request", 400, "size"),
        ({"size": None}, "invalid-request", 400, "size"),
        ({"name": ""}, "invalid-request", 400, "name"),
        ({"name": "  "}, "invalid-request", 400, "name"),
        ({"name": "../"}, "invalid-request", 400, "name"),
        ({"name": "a\0b.mp4"}, "invalid-request", 400, "name"),
        ({"name": "a" * 256}, "invalid-request", 400, "name"),
        ({"title": "t" * 201}, "invalid-request", 400, "title"),
        ({"title": "a\nb"}, "invalid-request", 400, "title"),
        ({"description": "d" * 5001}, "invalid-request", 400, "description"),
        ({"description": "\0"}, "invalid-request", 400, "description"),
        ({"tags": [f"t{i}" for i in range(21)]}, "invalid-request", 400, "tags"),
        ({"tags": ["t" * 51]}, "invalid-request", 400, "tags"),
        ({"tags": "one"}, "invalid-request", 400, "tags"),
        ({"visibility": "secret"}, "invalid-request", 400, "visibility"),
        ({"visiblity": "private"}, "invalid-request", 400, None),
    ],
)
def test_what_is_refused_says_why_and_leaves_nothing(
    uploader: Uploader, database: Database, fields: dict[str, Any], slug: str, status: int, field: str | None
) -> None:
    stored = everything_stored()
    videos = database.all("select id from video")
    answer = uploader.person.post("init_upload", "/api/uploads", {"name": "film.mp4", "size": SIZE} | fields)
    problem = assert_problem(answer, status, slug)
    if field:
        assert [error["field"] for error in problem["errors"]] == [field]
    assert everything_stored() == stored
    assert database.all("select id from video") == videos


def test_every_fault_is_named_at_once(uploader: Uploader) -> None:
    problem = assert_problem(uploader.init(name="", tags=["t" * 51], visibility="x"), 400, "invalid-request")
    assert {error["field"] for error in problem["errors"]} == {"name", "tags", "visibility"}


def test_who_may(uploader: Uploader, database: Database) -> None:
    assert_problem(Uploader(Person(), database).init(), 401, "not-authenticated")
    assert_problem(Uploader(account(database, "Viewer", Role.USER), database).init(), 403, "forbidden")
    assert Uploader(account(database, "Admin", Role.ADMIN), database).init().status_code == 201


def test_a_file_that_fits_nowhere(uploader: Uploader, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_UPLOAD_BYTES", str(2**62))
    stored = everything_stored()
    assert_problem(uploader.init(2**60), 507, "storage-full")
    assert everything_stored() == stored


def test_a_node_that_is_gone_is_passed_over(uploader: Uploader, tmp_path: Path) -> None:
    nodes = [store.root for store in local_stores().values()]
    away = [(root, root.with_name(root.name + "-away")) for root in nodes[:2]]
    for root, other in away:
        root.rename(other)
    try:
        for _ in range(5):
            upload = uploader.begin()
            assert uploader.store(upload["id"]).root == nodes[2]
            assert httpx.put(upload["parts"][2]["url"], content=b"x" * 4321).status_code == 200
        nodes[2].rename(tmp_path / "last")
        try:
            assert_problem(uploader.init(), 503, "unavailable")
        finally:
            (tmp_path / "last").rename(nodes[2])
    finally:
        for root, other in away:
            other.rename(root)


def test_a_node_that_is_gone_is_not_made_anew(uploader: Uploader, wadi: Wadi) -> None:
    """An empty directory where a disk should be mounted must not be filled."""
    root = sorted(store.root for store in local_stores().values())[0]
    away = root.with_name("away")
    root.rename(away)
    root.mkdir()
    try:
        for _ in range(5):
            uploader.begin()
        assert list(root.iterdir()) == []
    finally:
        root.rmdir()
        away.rename(root)
