"""A whole file in one request, as curl sends it."""

import io
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from werkzeug.test import TestResponse

from shared.identity import Role
from shared.runtime.serve import create_app
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.functions.people import Person, account, assert_problem
from tests.functions.uploading import BYTES, MIB, events, everything_stored, source_bytes
from tests.functions.waking import ping
from tests.patience import until

pytestmark = pytest.mark.usefixtures("wadi")
ROOT = Path(__file__).resolve().parents[2]
PATH = "/api/videos/upload"
UPLOADED = "wadi.video.uploaded"


def send(person: Person, **options: Any) -> TestResponse:
    headers = {"Authorization": f"Bearer {person.token}"} if person.token else {}
    headers |= options.pop("headers", {})
    return create_app("upload_video").test_client().post(PATH, headers=headers, **options)


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A multipart/form-data body of fields, and files where there is a file name."""
    body = b""
    for name, file_name, value in parts:
        head = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{file_name}"' if file_name else "")
        body += b"--x\r\n" + head.encode() + b"\r\n\r\n" + value + b"\r\n"
    return body + b"--x--\r\n"


def send_parts(person: Person, *parts: tuple[str, str | None, bytes]) -> TestResponse:
    return send(person, data=form(*parts), content_type="multipart/form-data; boundary=x")


def send_form(person: Person, data: bytes = BYTES, **fields: str) -> TestResponse:
    texts = [(name, None, value.encode()) for name, value in fields.items()]
    return send_parts(person, *texts, ("file", "film.mp4", data))


def stored_source(database: Database, answer: TestResponse) -> bytes:
    assert answer.status_code == 202, answer.text
    assert answer.json is not None
    row = database.one("select * from video where id = %s", (answer.json["id"],))
    assert row is not None
    assert row["state"] == answer.json["state"] == "uploaded"
    data = source_bytes(database, row["source_key"])
    assert events(database, UPLOADED, row["id"]) == [
        {"video_id": row["id"], "source_key": row["source_key"], "name": row["source_name"], "size": len(data)}
    ]
    return data


def test_a_form(creator: Person, database: Database) -> None:
    answer = send_form(creator, title="A film", description="Long", tags="a,b", visibility="private")
    assert stored_source(database, answer) == BYTES
    assert answer.json is not None
    told = {name: answer.json[name] for name in ("title", "description", "tags", "visibility", "owner_id")}
    assert told == {
        "title": "A film",
        "description": "Long",
        "tags": ["a", "b"],
        "visibility": "private",
        "owner_id": creator.user_id,
    }


def test_a_form_whose_fields_come_after_the_file(creator: Person, database: Database) -> None:
    answer = send_parts(creator, ("file", "film.mkv", BYTES[:1000]), ("title", None, "A été".encode()))
    assert stored_source(database, answer) == BYTES[:1000]
    assert answer.json is not None
    assert answer.json["title"] == "A été"


@pytest.mark.parametrize("size", [1, 255 * 1024, 256 * 1024, 256 * 1024 + 1, 1024 * 1024])
def test_a_form_of_any_size_with_line_breaks_in_it(creator: Person, database: Database, size: int) -> None:
    data = (b"\r\n--not-the-boundary\r\n\n\r" * (size // 20 + 1))[:size]
    assert stored_source(database, send_form(creator, data)) == data


def test_the_file_itself(creator: Person, database: Database) -> None:
    answer = send(creator, data=BYTES, query_string={"name": "film.mp4", "title": "A film", "tags": ["a", "b"]})
    assert stored_source(database, answer) == BYTES
    assert answer.json is not None
    assert (answer.json["title"], answer.json["tags"]) == ("A film", ["a", "b"])


def test_curl_says_of_the_file_itself_that_it_is_a_form(creator: Person, database: Database) -> None:
    """curl --data-binary @film.mp4"""
    answer = send(
        creator, data=BYTES[:99], query_string={"name": "film.mp4"}, content_type="application/x-www-form-urlencoded"
    )
    assert stored_source(database, answer) == BYTES[:99]


def refused(answer: TestResponse, status: int = 400, slug: str = "invalid-request") -> str:
    return str(assert_problem(answer, status, slug)["detail"])


def test_what_is_refused_leaves_nothing(creator: Person, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before, videos = everything_stored(), database.all("select id from video")
    assert "empty" in refused(send_form(creator, b""))
    assert "empty" in refused(send(creator, data=b"", query_string={"name": "film.mp4"}))
    assert "name" in refused(send(creator, data=BYTES))
    assert "visibility" in refused(send_form(creator, visibility="secret"))
    assert "visiblity" in refused(send_form(creator, visiblity="private"))
    assert "title" in refused(send_form(creator, title="t" * 201))
    assert "tags" in refused(send(creator, data=BYTES, query_string={"name": "f", "tags": "t" * 51}))
    assert "no file" in refused(send_parts(creator, ("title", None, b"none")))
    assert "'film'" in refused(send_parts(creator, ("film", "film.mp4", b"x")))
    assert "more than one" in refused(send_parts(creator, ("file", "a.mp4", b"x"), ("file", "b.mp4", b"y")))
    assert "boundary" in refused(send(creator, data=b"x", content_type="multipart/form-data"))
    for broken in (form(("file", "a.mp4", BYTES[:100]))[:-20], b"rubbish"):
        assert "cut short" in refused(send(creator, data=broken, content_type="multipart/form-data; boundary=x"))
    refused(send_form(creator, title="t" * 70_000), 413, "too-large")
    monkeypatch.setenv("MAX_UPLOAD_BYTES", "1000")
    refused(send(creator, data=BYTES[:1001], query_string={"name": "f"}), 413, "too-large")
    refused(send_form(creator, BYTES[:1001]), 413, "too-large")
    refused(send_form(creator), 413, "too-large")
    assert send_form(creator, BYTES[:1000]).status_code == 202
    monkeypatch.delenv("MAX_UPLOAD_BYTES")
    assert len(everything_stored() - before) == 1
    assert len(database.all("select id from video")) == len(videos) + 1


class Long(io.RawIOBase):
    """A body without a length, which turns out to be far too long; it counts what is asked for in big pieces."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        if size < MIB or self.given >= 64 * MIB:  # small pieces: the server clears what is left
            return b""
        self.given += size
        return b"x" * size

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:  # the test client asks
        return 0

    def tell(self) -> int:
        return 0


def test_a_body_is_left_as_soon_as_it_is_too_large(
    creator: Person, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_UPLOAD_BYTES", "3000000")
    before, body = everything_stored(), Long()
    answer = send(
        creator,
        input_stream=body,
        query_string={"name": "film.mp4"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    refused(answer, 413, "too-large")
    assert body.given <= 5 * MIB
    assert everything_stored() == before


def test_who_may(database: Database) -> None:
    refused(send_form(Person()), 401, "not-authenticated")
    refused(send_form(account(database, "Viewer", Role.USER)), 403, "forbidden")


def test_a_full_disk(creator: Person) -> None:
    drafts = [store.root / "tmp" for store in local_stores().values()]
    before = everything_stored()
    for draft in drafts:
        draft.rmdir()
        draft.symlink_to("/dev/full")
    try:
        # a symlink that is no directory: no draft can be made on any node
        refused(send(creator, data=BYTES, query_string={"name": "f"}), 503, "unavailable")
    finally:
        for draft in drafts:
            draft.unlink()
            draft.mkdir()
    assert everything_stored() == before


# --- as a real server, over real connections


@contextmanager
def served(database: Database) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "shared.runtime.serve"],
        cwd=ROOT,
        env=os.environ | {"FUNCTION_TARGET": "upload_video", "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(url), "the function answers")
        yield process, url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def _drafts() -> list[Path]:
    return [path for store in local_stores().values() for path in (store.root / "tmp").iterdir()]


@contextmanager
def half_sent(url: str, person: Person, how: str = "whole") -> Iterator[socket.socket]:
    """A connection that has brought half of the file; the function is writing it."""
    parts = urlsplit(url)
    half = BYTES[: len(BYTES) // 2]
    query, headers, data = {
        "whole": ("?name=film.mp4", f"Content-Length: {len(BYTES)}", half),
        "chunked": ("?name=film.mp4", "Transfer-Encoding: chunked", f"{len(half):x}\r\n".encode() + half + b"\r\n"),
        "form": (
            "",
            f"Content-Length: {len(BYTES)}\r\nContent-Type: multipart/form-data; boundary=x",
            form(("file", "film.mp4", half))[: len(half)],
        ),
    }[how]
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        head = f"POST {PATH}{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {person.token}\r\n{headers}\r\n\r\n"
        connection.sendall(head.encode() + data)
        until(_drafts, "something is being written")
        yield connection


def test_over_a_real_connection(creator: Person, database: Database) -> None:
    headers = {"Authorization": f"Bearer {creator.token}"}
    with served(database) as (_, url):
        form = httpx.post(url + PATH, files={"file": ("film.mp4", BYTES)}, headers=headers, timeout=60)
        assert form.status_code == 202, form.text
        chunked = httpx.post(
            f"{url}{PATH}?name=film.mp4", content=iter([BYTES[:5000], BYTES[5000:]]), headers=headers, timeout=60
        )
        assert chunked.status_code == 202, chunked.text
    for answer in (form, chunked):
        row = database.one("select source_key from video where id = %s", (answer.json()["id"],))
        assert row is not None
        assert source_bytes(database, row["source_key"]) == BYTES


def test_a_broken_connection_leaves_nothing(creator: Person, database: Database) -> None:
    before, videos = everything_stored(), database.all("select id from video")
    with served(database) as (_, url):
        for how in ("whole", "chunked", "form"):
            with half_sent(url, creator, how):
                pass
            until(lambda: everything_stored() == before, f"the half of the file is gone: {how}")
            until(lambda: database.all("select id from upload where state = 'open'") == [], "the upload is not open")
    assert database.all("select id from video") == videos


def test_what_a_kill_leaves_is_removed_later(creator: Person, database: Database) -> None:
    before = everything_stored()
    with served(database) as (process, url), half_sent(url, creator):
        os.killpg(process.pid, signal.SIGKILL)
    (draft,) = _drafts()
    os.utime(draft, (0, 0))
    assert ping("expire_uploads").status_code == 204
    assert everything_stored() == before


def test_a_file_whose_commit_never_came_expires(creator: Person, database: Database) -> None:
    """The file is whole, the database went away before it was recorded."""
    before = everything_stored()
    database.all("alter table outbox rename to outbox_away")
    try:
        assert send(creator, data=BYTES[:99], query_string={"name": "f"}).status_code >= 500
    finally:
        database.all("alter table outbox_away rename to outbox")
    assert everything_stored() > before
    database.all("update upload set expires_at = now() - interval '1 second' where state = 'open'")
    assert ping("expire_uploads").status_code == 204
    assert everything_stored() == before
