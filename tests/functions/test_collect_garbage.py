"""What no video owns goes after the grace period, and never anything else, whatever else happens meanwhile."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared import db
from shared.ids import new_id
from shared.objects import NodeUnavailable
from shared.storage import Replica, delete_object, record, store_file
from shared.storage.nodes.location import local_stores
from tests.conftest import Database
from tests.films.rows import make_video
from tests.films.stored import holders, make_segments
from tests.functions.people import Person
from tests.functions.uploading import Uploader
from tests.functions.waking import ping

GRACE = "interval '25 hours'"


def collect() -> None:
    assert ping("collect_garbage").status_code == 204


def time_passes(database: Database) -> None:
    database.all(f"update garbage set found_at = found_at - {GRACE}")
    database.all(f"update object set created_at = created_at - {GRACE}")


def there() -> set[str]:
    """All that lies on the nodes, as node/key."""
    return {f"{store.id}/{each.key}" for store in local_stores().values() for each in store.listing()}


def suspected(database: Database) -> set[str]:
    rows = database.all("select node_id, key from garbage where removed_at is null and upload = ''")
    return {f"{row['node_id']}/{row['key']}" for row in rows}


def stray(tmp_path: Path, key: str = "", data: bytes = b"nobody knows of me") -> Replica:
    """Bytes that are stored and not recorded."""
    (tmp_path / "file").write_bytes(data)
    return store_file(key or f"videos/{new_id()}/720p/0-0123abcd.m4s", tmp_path / "file", None)


def of_video(stored: Replica, video_id: str | None) -> Replica:
    return replace(stored, object=replace(stored.object, video_id=video_id))


def at(stored: Replica) -> str:
    return f"{stored.node_id}/{stored.object.key}"


@pytest.fixture(autouse=True)
def _clean(database: Database, uploader: Uploader) -> None:
    collect()
    time_passes(database)
    collect()
    database.all("delete from garbage")


def test_an_orphan_is_written_down_and_goes_after_the_grace_period(database: Database, tmp_path: Path) -> None:
    before = there()
    orphan = stray(tmp_path)
    collect()
    collect()
    assert suspected(database) == {at(orphan)}
    assert there() == before | {at(orphan)}
    time_passes(database)
    collect()
    assert there() == before
    assert suspected(database) == set()


def test_what_is_recorded_in_time_stays(database: Database, tmp_path: Path, creator: Person) -> None:
    orphan = stray(tmp_path)
    collect()
    time_passes(database)
    with db.transaction() as tx:
        record(tx, of_video(orphan, make_video(database, creator.user_id)))
    collect()
    assert at(orphan) in there()
    assert suspected(database) == set()


def test_what_is_written_again_starts_anew(database: Database, tmp_path: Path) -> None:
    orphan = stray(tmp_path)
    collect()
    time_passes(database)
    assert stray(tmp_path, orphan.object.key).node_id == orphan.node_id
    collect()
    assert at(orphan) in there()
    collect()
    assert at(orphan) in there()


def test_a_removal_and_a_recording_at_once_leave_no_row_without_bytes(
    database: Database, tmp_path: Path, creator: Person
) -> None:
    """The collector holds the row of what it is about to remove; who records the same bytes waits, and sees it."""
    orphan = of_video(stray(tmp_path), make_video(database, creator.user_id))
    collect()

    def note() -> str:
        try:
            with db.transaction() as tx:
                record(tx, orphan)
        except NodeUnavailable:
            return "told"
        return "recorded"

    with closing(database.connect()) as held, ThreadPoolExecutor(1) as pool:
        held.cursor().execute("select 1 from garbage where key = %s for update", (orphan.object.key,))
        waiting = pool.submit(note)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        local_stores()[orphan.node_id].delete(orphan.object.key)
        held.cursor().execute("update garbage set removed_at = now() where key = %s", (orphan.object.key,))
        held.commit()
        assert waiting.result(timeout=30) == "told"
    assert database.one("select 1 from object where key = %s", (orphan.object.key,)) is None
    again = of_video(stray(tmp_path, orphan.object.key), orphan.object.video_id)
    with db.transaction() as tx:
        record(tx, again)
    collect()
    assert at(again) in there()


def test_the_collector_waits_for_a_recording_and_then_lets_it_be(
    database: Database, tmp_path: Path, creator: Person
) -> None:
    orphan = of_video(stray(tmp_path), make_video(database, creator.user_id))
    collect()
    time_passes(database)
    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as tx:
            record(tx, orphan)
            waiting = pool.submit(collect)
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.5)
        waiting.result(timeout=30)
    assert at(orphan) in there()


def test_uploads_in_progress_are_never_touched(database: Database, uploader: Uploader) -> None:
    before = there()
    upload, whole = uploader.begin(), uploader.begin(10)
    uploader.send(upload["parts"][0])
    uploader.send_all(whole)
    row = uploader.row(whole["id"])
    # complete on the node, and not yet in the database
    uploader.store(whole["id"]).multipart.complete(row["object_key"], row["multipart_id"])
    for _ in range(3):
        collect()
        time_passes(database)
    assert there() == before | {f"{row['node_id']}/{row['object_key']}"}
    assert uploader.complete(whole["id"]).status_code == 202
    assert [part["received"] for part in uploader.get(upload["id"]).get_json()["parts"]][:2] == [True, False]


def test_an_upload_in_parts_that_nobody_knows_goes(database: Database, uploader: Uploader) -> None:
    store = local_stores()["node-1"]
    upload = store.multipart.start("sources/forgotten", 10, 10)
    collect()
    assert upload in {each.id for each in store.multipart.started()}
    time_passes(database)
    collect()
    assert upload not in {each.id for each in store.multipart.started()}


def test_objects_of_a_video_that_is_no_more_go_with_their_rows(database: Database, creator: Person) -> None:
    (kept,) = make_segments(database, make_video(database, creator.user_id), ["720p"], 1)
    (gone,) = make_segments(database, make_video(database, creator.user_id), ["720p"], 1)
    database.all("delete from video where id = %s", (gone.video_id,))
    collect()
    assert holders(gone.object_key, gone.data)
    time_passes(database)
    collect()
    assert not holders(gone.object_key, gone.data)
    assert not database.all("select 1 from object where video_id = %s", (gone.video_id,))
    assert holders(kept.object_key, kept.data)


def test_a_copy_beyond_the_recorded_ones_goes_and_the_last_one_never(
    database: Database, creator: Person, tmp_path: Path
) -> None:
    (segment,) = make_segments(database, make_video(database, creator.user_id), ["720p"], 1)
    (home,) = holders(segment.object_key, segment.data)
    other = next(store for store in local_stores().values() if store.id != home)
    other.put(segment.object_key, [segment.data])
    collect()
    assert suspected(database) == {f"{other.id}/{segment.object_key}"}
    database.all("delete from replica where object_key = %s", (segment.object_key,))
    for _ in range(2):
        time_passes(database)
        collect()
    assert holders(segment.object_key, segment.data) == {home, other.id}


def test_a_file_of_somebody_else_stays(database: Database) -> None:
    path = local_stores()["node-1"].root / "objects" / "lost+found (mine)"
    path.write_text("hands off")
    for _ in range(3):
        collect()
        time_passes(database)
    assert path.read_text() == "hands off"
    path.unlink()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_the_state_only_what_nobody_owns_goes(
    seed: int, database: Database, creator: Person, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    owned: set[str] = there()
    loose: set[str] = set()
    for _ in range(25):
        match chance.choice(["owned", "stray", "deleted", "orphaned video", "late"]):
            case "owned":
                for segment in make_segments(database, make_video(database, creator.user_id), ["360p"], 1):
                    owned |= {f"{node}/{segment.object_key}" for node in holders(segment.object_key, segment.data)}
                    owned |= {f"{node}/{segment.init_key}" for node in holders(segment.init_key, segment.init)}
            case "stray":
                loose.add(at(stray(tmp_path)))
            case "deleted":
                late = stray(tmp_path)
                with db.transaction() as tx:
                    record(tx, late)
                    delete_object(tx, late.object.key)
            case "orphaned video":
                (segment,) = make_segments(database, make_video(database, creator.user_id), ["360p"], 1)
                loose |= {f"{node}/{segment.object_key}" for node in holders(segment.object_key, segment.data)}
                loose |= {f"{node}/{segment.init_key}" for node in holders(segment.init_key, segment.init)}
                database.all("delete from video where id = %s", (segment.video_id,))
            case "late":
                late = stray(tmp_path)
                collect()
                with db.transaction() as tx:
                    record(tx, of_video(late, make_video(database, creator.user_id)))
                owned.add(at(late))
        if chance.random() < 0.2:
            collect()
    collect()
    assert suspected(database) == loose
    time_passes(database)
    collect()
    assert there() == owned
