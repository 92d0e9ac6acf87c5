"""A database with a hundred thousand of everything, and the plans of the statements that are run in it."""

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import msgspec
import pytest
from psycopg2.extensions import connection

from shared import db
from shared.db import pool
from shared.identity import Role, issue_access_token
from shared.media.model import Plan, Ratio, Rendition, SourceInfo
from shared.storage.nodes.nodes import load
from tests.conftest import Database, _forget_connections
from tests.contract.object_nodes import serve_objects
from tests.functions.people import Person

MANY = 100_000
ALONE = 50_003  # a public video that has nothing in common with any other
BIG = 10_000  # rows of a table that must not be read from end to end
FEW = 2_500  # rows that one step of a plan may look at

# ids are as those of new_id: as wide, and in the order of time
FILL = """
    set session_replication_role = replica;
    create function nth(kind text, n bigint) returns text immutable language sql as
        $$ select kind || lpad(to_hex(n), 35, '0') $$;

    insert into account (id, email, name, password_hash, role)
    select nth('a', n), 'person' || n || '@example.org', 'Person ' || n, 'none', 'CREATOR'
    from generate_series(1, 20000) n;
    insert into session (id, account_id, expires_at)
    select nth('s', n), nth('a', 1 + n % 20000), now() + interval '1 day' from generate_series(1, {many}) n;
    insert into refresh_token (hash, session_id, expires_at)
    select sha256(n::text::bytea), nth('s', n), now() + interval '1 day' from generate_series(1, {many}) n;

    insert into video (id, owner_id, title, description, tags, visibility, state, ready_at, planned_at, indexed_at,
                       subtitles_done, thumbnails_done, updated_at, source_key)
    select nth('v', n), nth('a', case when n % 20 = 11 then 12 else 1 + n % 2000 end),
           'Film ' || n, 'About the word' || n % 5000, array['tag' || n % 50, 'tag' || n % 7],
           case when n % 10 in (1, 2, 3) and n < {many} - 5000 then 'public' else 'private' end,
           case when n % 100 = 1 then 'uploading' when n % 100 = 2 then 'failed' else 'ready' end,
           now(), now(), now(), true, true, now() - interval '1 hour', 'sources/' || nth('u', n)
    from generate_series(1, {many}) n;
    insert into media_segment (id, video_id, rendition, index, object_key, init_key, start, duration, timescale, frames,
                               codecs, size, sha256, encoded_at, placed_at)
    select nth('g', n), nth('v', 1 + n / 2), case when n % 2 = 0 then '360p' else 'audio' end, 0,
           'videos/' || nth('v', 1 + n / 2) || '/' || n, 'videos/' || nth('v', 1 + n / 2) || '/init-' || n,
           0, 10000, 1000, 250, 'avc1', 100000, 'sha', now(), now()
    from generate_series(0, 2 * {many} - 1) n;
    insert into object (key, video_id, size, sha256)
    select object_key, video_id, 100000, 'sha' from media_segment
    union all select init_key, video_id, 1000, 'sha' from media_segment;
    insert into replica (object_key, node_id)
    select key, node.id from object, (select id from node order by id limit 1) node;
    insert into replica_check (object_key, node_id) select object_key, node_id from replica;
    insert into placement_version (video_id, version) select id, gen_random_uuid() from video;
    insert into upload (id, video_id, owner_id, object_key, node_id, name, size, part_size, state, expires_at,
                        closed_at)
    select nth('u', n), nth('v', n), nth('a', 1 + n % 2000), 'sources/' || nth('u', n), 'x', 'f', 1, 1, 'completed',
           now(), now()
    from generate_series(1, {many}) n;

    insert into message (id, video_id, author_id, body, created_at)
    select nth('m', n), nth('v', case when n % 5 = 0 then 11 else 1 + n % 5000 end), nth('a', 1 + n % 20000),
           'I say word' || n % 5000, now()
    from generate_series(1, {many}) n;
    -- one that has nothing in common with any other, so that a list of what it has in common with others is empty
    update video set owner_id = nth('a', 19999), tags = '{{alone}}' where id = nth('v', {alone});
    insert into message (id, video_id, author_id, body, created_at)
    values (nth('m', {many} + 1), nth('v', {alone}), nth('a', 12), 'Nobody else is here', now());
    insert into search_document (kind, id, video_id, owner_id, visibility, title, body, tags, vector)
    select 'video', id, id, owner_id, visibility, title, description, tags,
           setweight(to_tsvector('simple', title), 'A') || setweight(to_tsvector('simple', description), 'B')
    from video where state = 'ready'
    union all
    select 'message', id, video_id, author_id, 'public', 'Film', body, '{{}}',
           setweight(to_tsvector('simple', body), 'D')
    from message;

    insert into inbox (consumer, source, id) select 'index_video', '/wadi', n::text from generate_series(1, {many}) n;
    insert into topic_record (topic, key, event)
    select 'wadi.video.ready', nth('v', n), '{{}}' from generate_series(1, {many}) n;
    insert into rate_limit (name, client, window_start, used)
    select 'login', n::text, now(), 1 from generate_series(1, 20000) n;
"""

Json = dict[str, Any]

_SOURCE = SourceInfo("mp4", "h264", 640, 360, 0, Ratio(1, 1000), Ratio(25, 1), 0.0, 250, 0, 10_000, False, "", True, [])
PLAN = Plan(_SOURCE, [0, 10_000], [250], [Rendition("360p", 640, 360, 800, 1600, "3.0")], Ratio(25, 1), 10, [0])


class Plans:
    """The connections of this process, and what PostgreSQL says on them."""

    def __init__(self, big: set[str]) -> None:
        self._big = big
        self._said: list[deque[str]] = []

    def listen(self, made: Callable[..., connection]) -> Callable[..., connection]:
        def connect(*args: Any, **options: Any) -> connection:
            db = made(*args, **options)
            db.notices = deque()  # type: ignore[assignment]  # as a list, but the driver does not cut it
            self._said.append(db.notices)  # type: ignore[arg-type]
            return db

        return connect

    def take(self) -> list[Json]:
        """The plans since the last call."""
        notices = [notices.popleft() for notices in self._said for _ in range(len(notices))]
        found = [re.search(r"plan:\n(\{.*\})", notice, re.DOTALL) for notice in notices]
        return [json.loads(each[1]) for each in found if each]

    def faults(self) -> list[str]:
        """Steps that read a big table from end to end, or look at far more rows than anyone gets."""
        return [
            f"{fault}: {' '.join(plan['Query Text'].split())}"
            for plan in self.take()
            for step in _steps(plan["Plan"])
            if (fault := self._fault(step))
        ]

    def _fault(self, step: Json) -> str | None:
        table = step.get("Relation Name")
        if table not in self._big:
            return None
        if step["Node Type"] == "Seq Scan":
            return f"Seq Scan on {table}"
        removed = step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Index Recheck", 0)
        looked_at = (step["Actual Rows"] + removed) * step["Actual Loops"]
        return f"{step['Node Type']} of {looked_at:.0f} rows of {table}" if looked_at > FEW else None


def _steps(plan: Json) -> Iterator[Json]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _steps(below)


@contextmanager
def explained(database: Database) -> Iterator[Plans]:
    """Fills the database, and has PostgreSQL say the plan of each statement from then on."""
    with db.transaction() as tx:
        load(tx)  # the nodes are registered
    database.all(FILL.format(many=MANY, alone=ALONE))
    for number in (11, ALONE):
        database.all("update video set plan = %s where id = %s", (msgspec.json.encode(PLAN).decode(), nth("v", number)))
    with closing(database.connect()) as admin:
        admin.autocommit = True
        with admin.cursor() as at:
            at.execute("vacuum analyze")
            at.execute("select current_database()")
            (name,) = at.fetchone() or ("",)
            for setting, value in {
                "session_preload_libraries": "auto_explain",
                "auto_explain.log_min_duration": "0",
                "auto_explain.log_analyze": "on",
                "auto_explain.log_timing": "off",
                "auto_explain.log_nested_statements": "on",
                "auto_explain.log_format": "json",
                "client_min_messages": "log",
            }.items():
                at.execute(f"alter database \"{name}\" set {setting} = '{value}'")
    big = {
        row["name"]
        for row in database.all("select relname as name from pg_class where relkind = 'r' and reltuples >= %s", (BIG,))
    }
    _forget_connections()
    found = Plans(big)
    with pytest.MonkeyPatch.context() as patch, serve_objects() as url:
        patch.setenv("PUBLIC_URL", url)
        patch.setattr(pool, "connect_to", found.listen(pool.connect_to))
        yield found
        _forget_connections()


def nth(kind: str, n: int) -> str:
    return f"{kind}{n:035x}"


def person(n: int = 12, role: Role = Role.CREATOR) -> Person:
    return Person(issue_access_token(nth("a", n), role)[0], nth("a", n))
