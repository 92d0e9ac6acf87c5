"""No table with rows of a video is forgotten: not by its deletion, and not by what looks for what is left."""

import pytest

from events import VideoDeleted
from shared.db import transaction
from shared.deletion.audit import find_remains
from shared.deletion.tables import GONE, TABLES, OnDelete, tables
from shared.storage.nodes.nodes import load
from tests.conftest import Database, Wadi
from tests.films.rows import make_video
from tests.functions.deleting import delete
from tests.functions.people import Person, account
from tests.functions.waking import deliver

pytestmark = pytest.mark.usefixtures("nodes")

# Columns that hold a video's id, or a key that begins with it.
NAMING = ("video_id", "object_key", "key", "subject")

# One row of a video in each table that must not keep any, in an order that foreign keys allow. The rows of
# replica_check, shard_check and placement_version are also written by triggers.
ROWS = {
    "upload": "(id, video_id, owner_id, object_key, node_id, name, size, state, expires_at)"
    " values (%(video)s || 'u', %(video)s, 'o', 'sources/' || %(video)s, 'node-1', 'cat.mp4', 1, 'completed', now())",
    "message": "(id, video_id, author_id, body, created_at) values (%(video)s || 'm', %(video)s, %(who)s, 'hi', now())",
    "media_segment": "(id, video_id, rendition, index) values (%(video)s || 's', %(video)s, '360p', 0)",
    "subtitle": "(video_id, rendition, object_key, size)"
    " values (%(video)s, 'subtitles-1', 'videos/' || %(video)s || '/a', 1)",
    "watched": "(video_id) values (%(video)s)",
    "object": "(key, video_id, size, sha256) values ('videos/' || %(video)s || '/a', %(video)s, 1, '')",
    "replica": "(object_key, node_id) values ('videos/' || %(video)s || '/a', 'node-1')",
    "replica_check": "(object_key, node_id) values ('videos/' || %(video)s || '/a', 'node-1') on conflict do nothing",
    "shard": "(object_key, number, node_id, size, sha256, key)"
    " values ('videos/' || %(video)s || '/a', 0, 'node-1', 1, '', 'shards/videos/' || %(video)s || '/a.0')",
    "shard_check": "(object_key, number) values ('videos/' || %(video)s || '/a', 0) on conflict do nothing",
    "lost_object": "(object_key, reason) values ('videos/' || %(video)s || '/a', 'gone')",
    "placement_version": "(video_id, version) values (%(video)s, gen_random_uuid()) on conflict do nothing",
    "search_document": "(kind, id, video_id, owner_id, visibility, title, body, tags, vector)"
    " values ('video', %(video)s, %(video)s, 'o', 'public', 'A film', '', '{}', '')",
    "removal": "(node_id, key, video_id) values ('node-1', 'videos/' || %(video)s || '/b', %(video)s)",
}


@pytest.fixture(scope="module")
def creator(database: Database, wadi: Wadi) -> Person:
    return account(database, "Ada")


@pytest.fixture(scope="module")
def nodes(database: Database, wadi: object) -> None:
    """The rows of the table `node` are written when the nodes are first asked for."""
    with transaction() as tx:
        assert load(tx).all()


def test_the_list_is_that_of_the_catalogue(database: Database) -> None:
    """Tables with a column that names a video, and those that refer to one of them, over any number of steps."""
    rows = database.all(
        """
        with recursive of_video as (
            select 'video'::regclass::oid as id
            union
            select attrelid from pg_attribute join pg_class c on c.oid = attrelid
            where c.relkind in ('r', 'p') and relnamespace = 'public'::regnamespace and attname = any(%s)
            union
            select conrelid from pg_constraint join of_video on confrelid = id where contype = 'f'
        )
        select relname from of_video join pg_class c on c.oid = id
        """,
        (list(NAMING),),
    )
    assert {row["relname"] for row in rows} == TABLES.keys(), (
        "say in shared/deletion/tables.py what deletion does with it"
    )


def test_what_cascades_does(database: Database) -> None:
    """By a foreign key to what is deleted, or to what cascades itself."""
    rows = database.all(
        "select distinct r.relname from pg_constraint join pg_class r on r.oid = conrelid join pg_class t"
        " on t.oid = confrelid where contype = 'f' and confdeltype = 'c' and t.relname = any(%s)",
        (tables(OnDelete.WITH_OBJECTS, OnDelete.CASCADES),),
    )
    assert {row["relname"] for row in rows} == set(tables(OnDelete.CASCADES))


def insert(database: Database, table: str, video_id: str, person: Person) -> None:
    database.all(f"insert into {table} {ROWS[table]}", {"video": video_id, "who": person.user_id})


def rows_of(database: Database, table: str, video_id: str) -> int:
    """Rows that name the video in any column."""
    row = database.one(f"select count(*) as n from {table} t where t::text like %s", (f"%{video_id}%",))
    assert row is not None
    return int(row["n"])


def test_deletion_leaves_nothing_in_any_table(database: Database, creator: Person) -> None:
    assert set(ROWS) == TABLES.keys() - {"video"} - set(tables(OnDelete.KEPT)), "give each table a row"
    video = make_video(database, creator.user_id)
    for table in ROWS:
        insert(database, table, video, creator)
    assert [table for table in ROWS if not rows_of(database, table, video)] == []
    assert delete(creator, video).status_code == 204
    assert deliver("remove_video_files", VideoDeleted(video)).status_code == 204
    assert [table for table in ROWS if rows_of(database, table, video)] == ["upload"]
    assert database.one("select name from upload where video_id = %s", (video,)) == {"name": ""}
    assert database.one("select title, state from video where id = %s", (video,)) == {"title": "", "state": "deleted"}
    with transaction() as tx:
        assert list(find_remains(tx, video)) == []


@pytest.mark.parametrize("table", [*GONE, *tables(OnDelete.CLEARED)])
def test_a_row_that_is_left_is_found(table: str, database: Database, creator: Person) -> None:
    video = make_video(database, creator.user_id)
    assert delete(creator, video).status_code == 204
    assert deliver("remove_video_files", VideoDeleted(video)).status_code == 204
    if table == "video":
        database.all("update video set description = 'still here' where id = %s", (video,))
    else:
        insert(database, table, video, creator)
    with transaction() as tx:
        assert [each.where for each in find_remains(tx, video)] == [f"table {table}"]


def test_bytes_that_wait_for_their_node_are_found(database: Database, creator: Person) -> None:
    video = make_video(database, creator.user_id)
    assert delete(creator, video).status_code == 204
    insert(database, "removal", video, creator)
    with transaction() as tx:
        assert [each.where for each in find_remains(tx, video)] == ["node node-1"]
