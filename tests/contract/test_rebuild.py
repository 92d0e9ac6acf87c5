"""Rebuilding a search index while it is searched and written (`wadi reindex`)."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from events import MessageSent, VideoReady
from shared import db
from shared.ids import new_id
from shared.search import generation, open_index, rebuild
from shared.search.builder import RebuildUnderWay
from shared.search.opensearch import mapping
from shared.search.rebuild import Rebuilt
from tests.cli.runs import User
from tests.conftest import Database, Wadi
from tests.contract.search_indexes import indexes, own_index, refresh
from tests.films.rows import ready_video
from tests.functions.people import Person, account, say
from tests.functions.waking import deliver, ping
from tests.real import need

ENGINES = ["postgres", "opensearch"]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, database: Database, wadi: Wadi) -> Iterator[str]:
    """An empty index and no videos."""
    database.all("truncate video, message, search_document, search_build cascade")
    if request.param == "opensearch":
        with own_index(need("opensearch")):
            yield "opensearch"
    else:
        yield "postgres"


@pytest.fixture
def opensearch(database: Database, wadi: Wadi) -> Iterator[str]:
    database.all("truncate video, message, search_document, search_build cascade")
    with own_index(need("opensearch")) as alias:
        yield alias


@pytest.fixture(scope="module")
def ada(database: Database, wadi: Wadi) -> Person:
    return account(database, "Ada")


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebuild, "BATCH", 3)


def found(engine: str, text: str, viewer: str | None = None) -> list[str]:
    if engine == "opensearch":
        refresh()
    with db.transaction() as tx:
        return sorted(hit.id for hit in open_index(tx).search(text, viewer=viewer, limit=100).results)


def publish(database: Database, owner: Person, title: str, **fields: str) -> str:
    film = ready_video(database, owner, title, **fields)
    assert deliver("index_video", VideoReady(film)).status_code == 204
    return film


def talk(person: Person, film: str, body: str) -> str:
    message: str = say(person, film, body)["id"]
    assert deliver("index_message", MessageSent(film, message)).status_code == 204
    return message


def remove(database: Database, film: str) -> None:
    database.all("delete from video where id = %s", (film,))
    with db.transaction() as tx:
        open_index(tx).remove_video(film)


def between_batches(*steps: Callable[[], object]) -> Callable[[int], None]:
    """Takes a step after each batch."""
    left = list(steps)

    def step(_: int) -> None:
        if left:
            left.pop(0)()

    return step


def test_makes_the_index_from_the_database(engine: str, ada: Person, database: Database, small_batches: None) -> None:
    films = sorted(ready_video(database, ada, f"Camel {number}") for number in range(8))
    secret = ready_video(database, ada, "Camel secret", visibility="private")
    ready_video(database, ada, "Camel unfinished")
    database.all("update video set state = 'planned' where title = 'Camel unfinished'")
    words = sorted(say(ada, film, "dromedary")["id"] for film in [*films[:4], secret])
    done = rebuild.rebuild()
    assert done.documents == 14
    assert found(engine, "camel") == films
    assert found(engine, "camel", ada.user_id) == sorted([*films, secret])
    assert found(engine, "dromedary", ada.user_id) == words
    assert len(found(engine, "dromedary")) == 4


def test_what_is_gone_from_the_database_goes_from_the_index(engine: str, ada: Person, database: Database) -> None:
    film, gone, deleted = (publish(database, ada, f"Camel {number}") for number in range(3))
    talk(ada, film, "camel talk")
    database.all("delete from message")
    database.all("delete from video where id = %s", (gone,))
    database.all("update video set state = 'deleted', deleted_at = now() where id = %s", (deleted,))
    rebuild.rebuild()
    assert found(engine, "camel") == [film]


def test_writes_between_its_batches_are_not_lost(
    engine: str, ada: Person, database: Database, small_batches: None
) -> None:
    films = sorted(publish(database, ada, f"Camel {number}") for number in range(20))
    room = films[0]
    hidden: list[str] = []
    fresh: list[str] = []

    def hide(film: str) -> None:
        database.all("update video set visibility = 'private' where id = %s", (film,))
        deliver("index_video", VideoReady(film))
        hidden.append(film)

    def searched() -> None:
        assert set(found(engine, "camel")) >= set(films[3:6]), "the old index serves until the end"

    rebuild.rebuild(
        between_batches(
            lambda: hide(films[1]),  # it was read
            lambda: hide(films[19]),  # it was not
            searched,
            lambda: fresh.append(publish(database, ada, "Camel, new")),
            lambda: remove(database, films[2]),
            lambda: fresh.append(talk(ada, room, "camel talk")),
        )
    )
    rest = set(films) - {films[1], films[19], films[2]}
    assert len(fresh) == 2, "every step was between batches"
    assert set(found(engine, "camel")) == rest | set(fresh)
    assert set(found(engine, "camel", ada.user_id)) == rest | set(fresh) | set(hidden)


def test_writers_and_searches_all_the_while(engine: str, ada: Person, database: Database, small_batches: None) -> None:
    """Real concurrency: in the end the index says what the database says."""
    films = [publish(database, ada, f"Camel {number}") for number in range(30)]
    done = threading.Event()

    def write(offset: int) -> int:
        count = 0
        while not done.is_set():
            film = films[(7 * count + offset) % len(films)]
            database.all(
                "update video set title = title || ' more',"
                " visibility = case visibility when 'public' then 'private' else 'public' end where id = %s",
                (film,),
            )
            assert deliver("index_video", VideoReady(film)).status_code == 204
            count += 1
        return count

    def look() -> int:
        count = 0
        while not done.is_set():
            found(engine, "camel")
            count += 1
        return count

    with ThreadPoolExecutor(3) as pool:
        others = [pool.submit(write, 0), pool.submit(write, 3), pool.submit(look)]
        try:
            for _ in range(3):
                rebuild.rebuild()
        finally:
            done.set()
        assert all(other.result() > 0 for other in others)
    public = [row["id"] for row in database.all("select id from video where visibility = 'public' order by id")]
    assert found(engine, "camel") == public
    assert found(engine, "camel", ada.user_id) == sorted(films)


def test_answers_that_were_kept_are_made_anew(engine: str, ada: Person, database: Database) -> None:
    def now() -> int:
        with db.transaction() as tx:
            return generation.current(tx).number

    before = now()
    rebuild.rebuild()
    assert now() > before


def test_the_alias_moves_and_the_old_index_goes(opensearch: str, ada: Person, database: Database) -> None:
    publish(database, ada, "Camel")
    (first,) = indexes()
    second = rebuild.rebuild().name
    third = rebuild.rebuild().name
    assert len({first, second, third}) == 3
    assert indexes() == [third]
    assert third.startswith(f"{opensearch}-v")
    assert found("opensearch", "camel") != []


def test_shards_and_replicas_are_as_set(opensearch: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared.search.opensearch.client import client

    monkeypatch.setenv("OPENSEARCH_SHARDS", "3")
    monkeypatch.setenv("OPENSEARCH_REPLICAS", "2")
    monkeypatch.setenv("OPENSEARCH_REFRESH_MS", "2500")
    name = rebuild.rebuild().name
    made = client().indices.get_settings(index=name)[name]["settings"]["index"]
    assert (made["number_of_shards"], made["number_of_replicas"], made["refresh_interval"]) == ("3", "2", "2500ms")


def test_a_second_rebuild_is_refused(opensearch: str, ada: Person, database: Database) -> None:
    publish(database, ada, "Camel")
    refusals = []

    def another(_: int) -> None:
        try:
            rebuild.rebuild()
        except RebuildUnderWay as refusal:
            refusals.append(str(refusal))

    rebuild.rebuild(another)
    assert refusals
    assert set(refusals) == {"Another `wadi reindex` is under way."}


def test_one_that_fails_leaves_all_as_it_was(opensearch: str, ada: Person, database: Database) -> None:
    film = publish(database, ada, "Camel")
    before = indexes()

    def fail(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild.rebuild(fail)
    assert indexes() == before
    assert database.all("select 1 from search_build") == []
    assert found("opensearch", "camel") == [film]


def test_one_that_was_killed_is_in_nobodys_way(opensearch: str, ada: Person, database: Database) -> None:
    from shared.search.opensearch.builder import OpenSearchBuilder
    from shared.search.opensearch.client import client

    film = publish(database, ada, "Camel")
    OpenSearchBuilder(new_id()).start()
    assert len(indexes()) == 2
    second = publish(database, ada, "Camel too")
    with pytest.raises(RebuildUnderWay):
        rebuild.rebuild()
    database.all("update search_build set renewed_at = now() - interval '1 hour'")
    done = rebuild.rebuild()
    assert indexes() == [done.name]
    assert found("opensearch", "camel") == sorted([film, second])
    # killed after the swap, before it could write that down
    database.all("insert into search_build (index_name, holder) values (%s, 'dead')", (done.name,))
    third = publish(database, ada, "Camel three")
    assert found("opensearch", "camel") == sorted([film, second, third])
    assert client().indices.exists(index=f"{opensearch}-next") is False, "no write makes an index by itself"


@pytest.mark.parametrize("chosen", ENGINES)
def test_from_the_command_line(chosen: str, ada: Person, database: Database, tmp_path: Path) -> None:
    database.all("truncate video, message, search_document, search_build cascade")
    films = [ready_video(database, ada, f"Camel {number}") for number in range(3)]

    def reindex(**settings: str) -> Rebuilt:
        ended = User(tmp_path, extra={"DATABASE_URL": database.url, **settings}).wadi("reindex", "--json")
        assert ended.code == 0, ended.err
        (said,) = ended.objects
        return Rebuilt(said["documents"], said["index"])

    if chosen == "opensearch":
        with own_index(need("opensearch")) as alias:
            done = reindex(OPENSEARCH_URL=need("opensearch"), OPENSEARCH_INDEX=alias, OPENSEARCH_REPLICAS="0")
            assert indexes() == [done.name]
            assert found(chosen, "camel") == sorted(films)
    else:
        done = reindex()
        assert found(chosen, "camel") == sorted(films)
    assert done.documents == 3


def test_an_opensearch_that_is_away_is_one_line(database: Database, tmp_path: Path) -> None:
    extra = {"DATABASE_URL": database.url, "OPENSEARCH_URL": "http://ada:secret@127.0.0.1:1"}
    ended = User(tmp_path, extra=extra).wadi("reindex")
    assert ended.code == 5
    (line,) = ended.err.splitlines()
    assert line.startswith("wadi: OPENSEARCH_URL: 127.0.0.1:1 does not answer: ")
    assert "secret" not in line


def test_an_index_of_older_words_is_renewed_by_itself(engine: str, ada: Person, database: Database) -> None:
    film = publish(database, ada, "Camel")
    said = talk(ada, film, "camel talk")
    assert ping("renew_index").status_code == 204
    before = indexes() if engine == "opensearch" else []
    assert ping("renew_index").status_code == 204
    if engine == "opensearch":
        from shared.search.opensearch.client import client

        assert indexes() == before, "what is current is left alone"
        client().indices.delete(index=before[0])
        mapping.make(client(), f"{mapping.alias()}-v1-20200101-000000-000000", behind=mapping.alias())
    else:
        database.all("update search_document set version = 1, vector = ''")
    assert found(engine, "camel") == []
    assert ping("renew_index").status_code == 204
    assert found(engine, "camel") == sorted([film, said])
