"""Sources that are in buckets: what ffmpeg reads comes through us, from one replica or the next, and what could not be
read is known."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from events import VideoUploaded
from shared.db import transaction
from shared.media.errors import MediaError
from shared.objects import NodeUnavailable, ObjectMissing
from shared.storage import ffmpeg_input, replicate
from shared.storage.nodes.nodes import load
from tests.buckets import buckets, keys, remove, s3
from tests.conftest import Database, Wadi
from tests.films.film import finished, long_file, short_file, uploaded
from tests.films.stored import recorded, store_bytes
from tests.functions.people import Person, account, assert_problem
from tests.functions.waking import deliver

BIG = bytes(range(256)) * 200_000  # 51 MB, more than what sockets hold


@pytest.fixture
def places(database: Database, wadi: Wadi) -> Iterator[list[str]]:
    """The nodes are three buckets, and a directory that takes nothing new."""
    with buckets("sources", 3) as made:
        with transaction() as tx:
            load(tx)
            tx.execute("update node set weight = 0")
            for number, name in enumerate(made, 1):
                tx.execute(
                    "insert into node (id, kind, location) values (%s, 's3', %s)"
                    " on conflict (id) do update set location = excluded.location, weight = 1",
                    (f"bucket-{number}", f"s3://{name}"),
                )
        yield made


@pytest.fixture
def ada(database: Database, wadi: Wadi) -> Person:
    return account(database, "Ada")


def bucket_of(database: Database, key: str, places: list[str]) -> list[str]:
    return [places[int(node.rpartition("-")[2]) - 1] for node in sorted(recorded(database, key))]


def stored(database: Database, key: str, data: bytes) -> str:
    """With two replicas."""
    store_bytes(key, data, "video")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPLICATION_FACTOR", "2")
        assert replicate(transaction, key)
    assert len(recorded(database, key)) == 2
    return key


def test_any_range_of_it(database: Database, places: list[str]) -> None:
    key = stored(database, "sources/ranges", BIG)
    with ffmpeg_input(transaction, key) as file:
        assert file.path.startswith("http://127.0.0.1:")

        def part(start: int) -> bytes:
            wanted = {"Range": f"bytes={start}-{start + 999}"}
            answer = httpx.get(file.path, headers=wanted)
            assert answer.headers["Content-Range"] == f"bytes {start}-{start + 999}/{len(BIG)}"
            return answer.content

        with ThreadPoolExecutor(4) as pool:
            starts = [0, 5_000_001, 30_000_000, len(BIG) - 1000]
            assert list(pool.map(part, starts)) == [BIG[start : start + 1000] for start in starts]
        assert httpx.get(file.path, headers={"Range": "bytes=-5"}).status_code == 404
        assert httpx.get(file.path, headers={"Range": f"bytes={len(BIG)}-"}).status_code == 416
        assert httpx.get(file.path.rpartition("/")[0] + "/guess").status_code == 404
        file.check()
    with pytest.raises(httpx.ConnectError):
        httpx.get(file.path)


def test_a_replica_that_goes_meanwhile_is_not_missed(database: Database, places: list[str]) -> None:
    for going in (0, 1):  # whichever it reads from
        key = stored(database, f"sources/going-{going}", BIG)
        bucket = bucket_of(database, key, places)[going]
        with ffmpeg_input(transaction, key) as file, httpx.stream("GET", file.path) as answer:
            pieces = answer.iter_raw()
            got = next(pieces)
            s3().delete_object(Bucket=bucket, Key=f"objects/{key}")
            assert got + b"".join(pieces) == BIG
            assert httpx.get(file.path, headers={"Range": "bytes=7-9"}).content == BIG[7:10]


def test_what_cannot_be_read_is_known(database: Database, places: list[str]) -> None:
    key = stored(database, "sources/gone", BIG)

    def half_read() -> None:
        with ffmpeg_input(transaction, key) as file:
            for bucket in bucket_of(database, key, places):
                s3().delete_object(Bucket=bucket, Key=f"objects/{key}")
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(file.path)
            with pytest.raises(NodeUnavailable):
                file.check()
            raise MediaError("The file is damaged.")  # as it would seem

    with pytest.raises(NodeUnavailable, match="broke off"):
        half_read()
    with pytest.raises(ObjectMissing), ffmpeg_input(transaction, key):
        pass


def test_a_video_is_made_of_it(database: Database, places: list[str], ada: Person) -> None:
    film = finished(database, ada, long_file())
    assert film.row["poster_key"]
    held = [key for name in places for key in keys(name)]
    assert f"objects/{film.row['source_key']}" in held
    assert all(any(f"objects/{row['object_key']}" == key for key in held) for row in film.segments())


def test_a_store_that_fails_is_no_damaged_film(database: Database, places: list[str], ada: Person) -> None:
    """To ffmpeg it is where the file ends. The video waits for the store, and loses nothing."""
    film = uploaded(database, ada, short_file())
    key = film.row["source_key"]
    (bucket,) = bucket_of(database, key, places)
    kept = s3().get_object(Bucket=bucket, Key=f"objects/{key}")["Body"].read()
    remove(bucket)
    (event,) = film.sent(VideoUploaded)
    assert_problem(deliver("plan_video", event, "away"), 503, "unavailable")
    assert film.state == "uploaded"
    s3().create_bucket(Bucket=bucket)
    s3().put_object(Bucket=bucket, Key=f"objects/{key}", Body=kept)
    assert deliver("plan_video", event, "away").status_code == 204
    assert film.state == "planned"


@pytest.mark.parametrize(
    ("content", "says"), [(b"#EXTM3U\nother.ts\n", "playlist"), (b"\0\0\0\x18ftypisom" + bytes(12), "moov")]
)
def test_a_file_that_is_no_video_is_told_as_on_a_disk(
    database: Database, places: list[str], ada: Person, tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / "not really.mp4"
    file.write_bytes(content)
    film = uploaded(database, ada, file)
    film.run("plan_video")
    assert film.state == "failed"
    assert says in film.row["reason"]
