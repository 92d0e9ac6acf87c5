"""A video that was on its way when plans had one audio track or none: nothing of it is lost or waited for in vain."""

import hashlib
from collections.abc import Iterator

import pytest

from local import postgres
from shared.db.migrate import BASELINE, FOLDER, migrate
from tests.conftest import Database, _admin, _url

TRACK = '{"stream_index": 1, "codec": "aac", "channels": 2, "sample_rate": 48000}'


@pytest.fixture
def before(postgres_server: postgres.Server) -> Iterator[Database]:
    """A database with the baseline only."""
    _admin(postgres_server, "create database before_tracks")
    database = Database(_url(postgres_server, "before_tracks"))
    text = (FOLDER / BASELINE).read_bytes()
    database.all("create table migration (name text primary key, sha256 text, applied_at timestamptz default now())")
    database.all(text.decode())
    database.all("insert into migration (name, sha256) values (%s, %s)", (BASELINE, hashlib.sha256(text).hexdigest()))
    yield database
    database.close()
    _admin(postgres_server, "drop database before_tracks with (force)")


def insert(database: Database, video: str, audio: str) -> None:
    plan = f'{{"cuts": [0, 10, 20, 30], "source": {{"audio": {audio}}}}}'
    database.all(
        "insert into video (id, owner_id, title, state, plan) values (%s, 'o', 'A film', 'planned', %s)", (video, plan)
    )
    for index in range(3):
        database.all(
            "insert into media_segment (id, video_id, rendition, index) values (%s, %s, '360p', %s)",
            (f"{video}-360p-{index}", video, index),
        )


def test_the_audio_that_is_missing_is_planned(before: Database) -> None:
    insert(before, "sound", TRACK)
    insert(before, "silent", "null")
    before.all("insert into video (id, owner_id, title, state) values ('unplanned', 'o', 'A film', 'uploaded')")
    before.all(
        "insert into media_segment (id, video_id, rendition, index, object_key) values ('a', 'sound', 'audio', 0, 'k')"
    )
    migrate(before.url)
    rows = before.all(
        "select video_id, index, object_key from media_segment where rendition = 'audio' order by video_id, index"
    )
    assert [tuple(row.values()) for row in rows] == [("sound", 0, "k"), ("sound", 1, None), ("sound", 2, None)]
    done = before.all("select id, subtitles_done from video order by id")
    assert {row["id"]: row["subtitles_done"] for row in done} == {"silent": True, "sound": True, "unplanned": False}
