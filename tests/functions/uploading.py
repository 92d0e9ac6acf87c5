"""What tests of uploads and storage do again and again."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from werkzeug.test import TestResponse

from shared.objects.directory import DirectoryStore
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.functions.people import Person

MIB = 1024 * 1024
PART = 8 * MIB
SIZE = 2 * PART + 4321
BYTES = hashlib.shake_256(b"a film").digest(SIZE)


@dataclass(frozen=True)
class Uploader:
    """A person who uploads, and what the database and the nodes know of it."""

    person: Person
    database: Database

    def init(self, size: int = SIZE, name: str = "film.mp4", **fields: Any) -> TestResponse:
        return self.person.post("init_upload", "/api/uploads", {"name": name, "size": size} | fields)

    def begin(self, size: int = SIZE, **fields: Any) -> dict[str, Any]:
        answer = self.init(size, **fields)
        assert answer.status_code == 201, answer.text
        upload: dict[str, Any] = answer.json  # type: ignore[assignment]
        return upload

    def send(self, part: dict[str, Any], data: bytes = BYTES, **headers: str) -> httpx.Response:
        return httpx.put(part["url"], content=data[part["offset"] :][: part["size"]], headers=headers, timeout=60)

    def send_all(self, upload: dict[str, Any], data: bytes = BYTES) -> None:
        for part in upload["parts"]:
            assert self.send(part, data).status_code == 200

    def get(self, upload_id: str) -> TestResponse:
        return self.person.get("get_upload", f"/api/uploads/{upload_id}")

    def complete(self, upload_id: str) -> TestResponse:
        return self.person.post("complete_upload", f"/api/uploads/{upload_id}/complete")

    def abort(self, upload_id: str) -> TestResponse:
        return self.person.delete("abort_upload", f"/api/uploads/{upload_id}")

    def uploaded(self, data: bytes = BYTES, **fields: Any) -> dict[str, Any]:
        """A video whose source has arrived, from beginning to end."""
        upload = self.begin(len(data), **fields)
        self.send_all(upload, data)
        answer = self.complete(upload["id"])
        assert answer.status_code == 202, answer.text
        video: dict[str, Any] = answer.json  # type: ignore[assignment]
        return video

    def row(self, upload_id: str) -> dict[str, Any]:
        row = self.database.one("select * from upload where id = %s", (upload_id,))
        assert row is not None
        return row

    def store(self, upload_id: str) -> DirectoryStore:
        """The node that an upload goes to."""
        return local_stores()[self.row(upload_id)["node_id"]]


def events(database: Database, topic: str, video_id: str) -> list[dict[str, Any]]:
    """The data of the events of a video in a topic."""
    rows = database.all(
        "select event from topic_record where topic = %s and key = %s order by position", (topic, video_id)
    )
    return [row["event"]["data"] for row in rows]


def source_bytes(database: Database, key: str) -> bytes:
    """A source as it lies on its one node; its recorded checksum is that of its bytes."""
    row = database.one("select * from object join replica on object_key = key where key = %s", (key,))
    assert row is not None
    data = b"".join(local_stores()[row["node_id"]].open(key))
    assert len(data) == row["size"]
    assert row["sha256"] == (checksum_of_parts(data, row["part_size"]) if row["part_size"] else sha256(data))
    return data


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checksum_of_parts(data: bytes, part_size: int) -> str:
    return sha256(b"".join(hashlib.sha256(data[i : i + part_size]).digest() for i in range(0, len(data), part_size)))


def at_the_same_time(*calls: Any) -> list[Any]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def files_under(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def everything_stored() -> set[str]:
    """All files on all nodes but what says that they are nodes."""
    found = {f"{store.id}/{name}" for store in local_stores().values() for name in files_under(store.root)}
    return {name for name in found if not name.endswith("/node.json")}
