"""A database from before the baseline: nobody who has one loses a video, and nobody is told something wrong."""

from collections.abc import Iterator

import msgspec
import pytest

from local import postgres
from shared.config import ConfigError
from shared.db.migrate import BASELINE, FOLDER, migrate, status
from shared.media.model import Plan, Ratio, Rendition, SourceInfo
from tests.conftest import Database, _admin, _url

SOURCE = SourceInfo("mp4", "h264", 320, 180, 0, Ratio(1, 25), Ratio(25, 1), 0.0, 500, 0, 500, False, "", True, [])
PLAN = Plan(
    SOURCE, [0, 250, 500], [250, 250], [Rendition("180p", 320, 180, 800, 1200, "1.3")], Ratio(25, 1), 11, [None, 250]
)

FOLDED = {
    "0001_events.sql": "c9176c7932995cbea0628f5137a67a3b7d7e88454f7ce79be6a01b737f89bdbb",
    "0002_videos.sql": "4a6e46e22ba599a2018c49de8823a4e65f86c041c1726ca103eae1a976a1a719",
    "0010_accounts.sql": "7b84cada4da460faf695c91f4840915ef26fbe8bd7bc0a958c28dc9d6426f5d1",
    "0011_search.sql": "10722a1d3ce57feb80d69d559ea4489354cfcfcae725c63b7c8c0018fd69e634",
    "0012_messages.sql": "4a18d9a29383fe62727dcb89e4375403a358aa9d1b72007773abfa00520c286a",
    "0020_storage.sql": "e6a22fa24cae031fdef2262f993af6eb5fcbb24968e01f1adbb21f1745120f32",
    "0021_uploads.sql": "95ae5cb12889a9b38ab953bd5927d657fb416b4a9dee114bdfa2f9a00e1e702f",
    "0033_search_index.sql": "ea191fb63bb1d3dfde4f6b8def7ba3f9fbdbc8b758b1c63a63c7730ad9c87a10",
    "0034_video_lists.sql": "a5a6adf95026c62a58d6a9950ba0774281f4532566d0bb7cf46df1e33189464a",
    "0035_cache.sql": "8340e64ddf82dcf51495502645cdcbc88fe46fccd5de52b856f30a166d6746dd",
    "0035_placement_at_commit.sql": "5f91d1fe38e0058071a29e186906787f24f0896b2805b8869477f79a505d0a30",
    "0036_coordination.sql": "0e01bc6cc14c2292c05a70038d15969ca69a737b604a2c1502173d291546ea4d",
    "0037_nodes.sql": "cb31a87af278c74aa653ca1bd74c84add4b7a62c7ad0d2005025ff84104c859f",
    "0038_integrity.sql": "c5026919fffbe8d73371f4287f951787a02fd47852d0b46b0777be4309d3019e",
    "0039_cold_and_deleted.sql": "238caca6eccb24e0a701da97c946270ccac4f3bd9ec9d3d06a1a636a30f4f798",
    "0040_shards_are_not_placement.sql": "1e788acf698d96ae56dec559538432deae76c7837261de44816106568cc1b207",
    "0041_shard_checks.sql": "2196f4f06e7dc9f91d353a423719d8a673490ada9ced13c387adf66d9669e34b",
}


@pytest.fixture
def before(postgres_server: postgres.Server) -> Iterator[Database]:
    """A database as the 17 migrations left it, with a video in it: their schema is that of the baseline."""
    _admin(postgres_server, "create database before_baseline")
    database = Database(_url(postgres_server, "before_baseline"))
    database.all("create table migration (name text primary key, sha256 text, applied_at timestamptz default now())")
    database.all((FOLDER / BASELINE).read_text())
    for name, sha256 in FOLDED.items():
        database.all("insert into migration (name, sha256) values (%s, %s)", (name, sha256))
    database.all("insert into video (id, owner_id, title) values ('v', 'o', 'kept')")
    yield database
    _admin(postgres_server, "drop database before_baseline with (force)")


def test_the_baseline_takes_the_place_of_what_it_replaces(before: Database) -> None:
    last = before.one("select max(applied_at) as at from migration")
    assert last is not None
    expected = [(BASELINE, "applied", last["at"])]
    assert [one for one in status(before.url) if one.name <= BASELINE] == expected
    assert before.one("select count(*) as n from migration") == {"n": len(FOLDED)}, "status changes nothing"
    assert BASELINE not in migrate(before.url)
    assert [one for one in status(before.url) if one.name <= BASELINE] == expected
    assert before.all("select name from migration where name = any(%s)", (list(FOLDED),)) == []
    assert before.all("select title from video") == [{"title": "kept"}]
    assert migrate(before.url) == []


@pytest.mark.parametrize(
    "change",
    [
        "delete from migration where name = '0041_shard_checks.sql'",
        "update migration set sha256 = 'another' where name = '0041_shard_checks.sql'",
    ],
)
def test_another_schema_is_refused_with_what_to_do(before: Database, change: str) -> None:
    before.all(change)
    rows = before.all("select name, sha256 from migration order by name")
    with pytest.raises(ConfigError, match=r"from before 0\.1 .* \./wadi db migrate .* \./task clean"):
        migrate(before.url)
    assert before.all("select name, sha256 from migration order by name") == rows
    assert before.all("select title from video") == [{"title": "kept"}]


def test_plans_of_0_1_are_read_on(before: Database) -> None:
    """One audio rendition becomes a list of them; a film on its way that is read another way now is planned anew."""
    sound = {"stream_index": 1, "codec": "aac", "channels": 2, "sample_rate": 48_000}
    _old_film(before, "heard", "ready", sound, counted=False)
    _old_film(before, "silent", "playable", None, counted=False)
    _old_film(before, "jumps", "planned", sound, counted=True)
    migrate(before.url)
    films = {row["id"]: row for row in before.all("select id, state, plan from video where id <> 'v'")}
    heard = msgspec.convert(films["heard"]["plan"], Plan)
    assert [(track.rendition, track.codec) for track in heard.source.audio] == [("audio", "aac")]
    assert heard.first == [0, 250]
    assert msgspec.convert(films["silent"]["plan"], Plan).source.audio == []
    assert (films["jumps"]["state"], films["jumps"]["plan"]) == ("uploaded", None)
    assert before.all("select video_id from media_segment where rendition = '180p' order by 1") == [
        {"video_id": "heard"},
        {"video_id": "silent"},
    ]


def _old_film(database: Database, video_id: str, state: str, sound: dict[str, object] | None, *, counted: bool) -> None:
    """As 0.1 left it in the middle of its work."""
    plan = msgspec.to_builtins(PLAN)
    plan["source"] |= {"audio": sound, "counted": counted, "first_picture": 0.0}
    for new in ("first", "entries", "delay", "repeats"):
        del plan[new]
    database.all(
        "insert into video (id, owner_id, title, state, plan) values (%s, 'o', %s, %s, %s)",
        (video_id, video_id, state, msgspec.json.encode(plan).decode()),
    )
    database.all(
        "insert into media_segment (id, video_id, rendition, index) values (%s, %s, '180p', 0)", (video_id, video_id)
    )
