"""Objects come to where the ring says: no more is moved than it demands, nothing is left behind, nothing is lost."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared import coordination
from shared.db import transaction
from shared.runtime.serve import create_app
from shared.storage import ObjectRef, signed_urls
from shared.storage.erasure.code import encode
from shared.storage.erasure.read import FrozenObject, find_frozen, read_frozen, shard_key
from shared.storage.jobs.migrate import ReplicaMigration
from shared.storage.model import SHARDS
from shared.storage.nodes.nodes import Nodes
from shared.storage.placement.diff import Located, PlacementDiff
from shared.storage.throttle import UNTHROTTLED
from tests.conftest import Database, Wadi
from tests.films.stored import store_bytes
from tests.functions.disks import Disks, check, fresh_disks, rebalance
from tests.functions.waking import ping
from tests.patience import until

LOCK = "rebalance"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def disks(database: Database, wadi: Wadi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disks:
    (tmp_path / "disks").mkdir()
    return fresh_disks(database, tmp_path / "disks", monkeypatch)


def least(before: Nodes, after: Nodes, disks: Disks, wanted: int) -> int:
    """The bytes that the ring demands to be moved."""
    return sum(
        len(data) * len(set(after.homes(key, wanted)) - set(before.homes(key, wanted)))
        for key, data in disks.contents.items()
    )


def test_a_new_node_gets_its_share_and_no_more_is_moved(disks: Disks) -> None:
    disks.store(60)
    rebalance()
    before = disks.nodes()
    new = disks.add("d")
    rebalance()
    disks.assert_settled(3)
    progress = disks.overview()["rebalance"]
    demanded = least(before, disks.nodes(), disks, 3)
    assert demanded > 0
    assert progress["copied_bytes"] == demanded
    assert progress["dropped"] == progress["copied"]
    assert (progress["state"], progress["seen"], progress["objects"]) == ("idle", 60, 60)
    assert 0 < len(disks.files()[new]) < 60


def test_when_nothing_changed_nothing_is_done(disks: Disks, database: Database) -> None:
    disks.store(5)
    rebalance()
    (first,) = database.all("select * from rebalance")
    rebalance()
    assert database.all("select * from rebalance") == [first]


def test_a_node_that_is_drained_is_emptied_and_removed(disks: Disks) -> None:
    disks.add("d")
    disks.store(20)
    answer = disks.remove("node-2")
    assert (answer.status_code, answer.json["state"]) == (202, "draining")
    rebalance()
    disks.assert_settled(3)
    assert disks.files()["node-2"] == {}
    assert "node-2" not in {node["id"] for node in disks.overview()["nodes"]}
    assert disks.database.one("select state from node where id = 'node-2'") == {"state": "removed"}


def test_a_node_with_an_open_upload_stays_until_it_ends(disks: Disks) -> None:
    disks.add("d")
    disks.database.all(
        "insert into upload (id, video_id, owner_id, object_key, node_id, name, size, expires_at)"
        " values ('u', 'v', 'o', 'sources/u', 'node-2', 'n', 1, now() + interval '1 day')"
    )
    disks.remove("node-2")
    rebalance()
    assert disks.node("node-2")["state"] == "draining"
    disks.database.all("update upload set state = 'completed' where id = 'u'")
    disks.database.all("update rebalance set finished_at = now() - interval '2 hours'")
    rebalance()
    assert disks.database.one("select state from node where id = 'node-2'") == {"state": "removed"}


def test_a_weight_decides_the_share(disks: Disks) -> None:
    disks.add("d")
    disks.store(60)
    assert disks.update("node-1", weight=0).status_code == 200
    rebalance()
    disks.assert_settled(3)
    assert disks.files()["node-1"] == {}


def test_replicas_come_to_distinct_zones(disks: Disks) -> None:
    for name in "def":
        disks.add(name)
    disks.store(20)
    for number in range(1, 7):
        disks.update(f"node-{number}", zone=f"zone {(number - 1) // 2}")
    rebalance()
    disks.assert_settled(3)
    zones = {f"node-{number}": (number - 1) // 2 for number in range(1, 7)}
    for key in disks.contents:
        assert {zones[node] for node in disks.recorded(key)} == {0, 1, 2}


def test_what_a_lost_node_held_is_made_anew(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    disks.add("d")
    disks.store(20)
    check()
    monkeypatch.setenv("NODE_LOST_AFTER_SECONDS", "0")
    with disks.unplugged("node-2"):
        disks.expire_leases()
        check()
        check()
        assert disks.node("node-2")["health"] == "lost"
        rebalance()
        disks.assert_settled(3, elsewhere=frozenset({"node-2"}))
    check()  # it is back, with all that it held
    assert disks.node("node-2")["health"] == "ok"
    rebalance()
    disks.assert_settled(3)
    assert disks.overview()["rebalance"]["copied"] == 0


def test_what_a_node_removed_by_force_held_is_made_anew(disks: Disks) -> None:
    disks.add("d")
    disks.store(20)
    with disks.unplugged("node-2"):
        assert disks.remove("node-2", "?force=true").status_code == 202
        rebalance()
        disks.assert_settled(3)
        assert "node-2" not in {node["id"] for node in disks.overview()["nodes"]}


def test_a_broken_replica_is_not_copied_and_never_the_last_to_stay(disks: Disks) -> None:
    keys = disks.store(20)
    broken = keys[7]
    (disks.folder / "a" / "objects" / broken).write_bytes(b"x" * len(disks.contents[broken]))
    disks.add("d")
    disks.remove("node-1")
    rebalance()
    disks.assert_settled(3)


def test_a_home_that_cannot_take_it_is_waited_for(disks: Disks) -> None:
    disks.store(30)
    new = disks.add("d")
    with disks.unplugged(new):
        rebalance()
        progress = disks.overview()["rebalance"]
        assert progress["state"] == "waiting"
        assert progress["waiting"] > 0
        assert "d" in progress["reason"]
        for key in disks.contents:
            assert len(disks.holders(key)) == 3
    disks.database.all("update rebalance set finished_at = now() - interval '2 minutes'")
    rebalance()
    disks.assert_settled(3)
    assert disks.overview()["rebalance"]["state"] == "idle"


def test_no_replica_goes_while_one_of_the_others_is_not_really_there(disks: Disks) -> None:
    keys = disks.store(30)
    new = disks.add("d")
    for key in keys:
        (disks.folder / "a" / "objects" / key).unlink()
    rebalance()
    nodes = disks.nodes()
    for key in keys:  # where a replica was to go, the missing one was found and made anew first
        moved = new in nodes.homes(key, 3)
        assert len(disks.holders(key)) == (3 if moved else 2)


def test_a_source_that_is_being_processed_stays_where_it_is(disks: Disks) -> None:
    keys = [store_bytes(f"sources/{number}", b"source", None) for number in range(20)]
    where = {key: disks.recorded(key) for key in keys}
    disks.add("d")
    rebalance()
    assert {key: disks.recorded(key) for key in keys} == where
    disks.remove("node-1")
    rebalance()
    for key in keys:
        assert len(disks.recorded(key)) == 1
        assert "node-1" not in disks.recorded(key)
        assert where[key] == disks.recorded(key) or where[key] == {"node-1"}


def test_shards_move_too(disks: Disks) -> None:
    for name in "defg":
        disks.add(name)
    key = "videos/v/360p/0-0123abcd.m4s"
    disks.database.all("insert into object (key, size, sha256) values (%s, 24, %s)", (key, "0" * 64))
    nodes = disks.nodes()
    homes = nodes.homes(key, 7)
    held = homes[1:6] + homes[6:]  # the first home has none, the last of all has one
    for number, node_id in enumerate(held):
        data = f"shard {number}".encode()
        info = nodes.store(node_id).put(f"{key}.{number}", [data])
        disks.database.all(
            "insert into shard (object_key, number, node_id, size, sha256, key) values (%s, %s, %s, %s, %s, %s)",
            (key, number, node_id, info.size, info.sha256, f"{key}.{number}"),
        )
    rebalance()
    rows = disks.database.all("select number, node_id from shard where object_key = %s order by number", (key,))
    assert [row["node_id"] for row in rows] == [*homes[1:6], homes[0]]
    files = disks.files()
    for row in rows:
        assert files[row["node_id"]] == {f"{key}.{row['number']}": f"shard {row['number']}".encode()}
    assert files[homes[6]] == {}
    assert disks.overview()["rebalance"]["copied"] == 1


def freeze(disks: Disks, key: str, data: bytes) -> None:
    """An object of shards only, each on a home of the object."""
    digest = hashlib.sha256(data).hexdigest()
    disks.database.all(
        "insert into object (key, size, sha256) values (%s, %s, %s) on conflict do nothing", (key, len(data), digest)
    )
    nodes = disks.nodes()
    stripes = list(encode([data]))
    homes = nodes.homes(key, SHARDS)
    for number, node_id in enumerate(homes):
        info = nodes.store(node_id).put(shard_key(key, number), [stripe[number] for stripe in stripes])
        disks.database.all(
            "insert into shard (object_key, number, node_id, size, sha256, key) values (%s, %s, %s, %s, %s, %s)",
            (key, number, node_id, info.size, info.sha256, shard_key(key, number)),
        )


def shards(disks: Disks, key: str) -> dict[int, str]:
    rows = disks.database.all("select number, node_id from shard where object_key = %s", (key,))
    return {row["number"]: row["node_id"] for row in rows}


@pytest.mark.parametrize("loss", ["force", "lost", "broken"])
def test_a_shard_that_cannot_be_read_is_made_anew_from_the_others(disks: Disks, loss: str) -> None:
    for name in "defg":
        disks.add(name)
    key, data = "videos/v/360p/0-0123abcd.m4s", os.urandom(700_000)
    freeze(disks, key, data)
    gone = shards(disks, key)[2]
    if loss == "broken":  # on a node that is being emptied
        (disks.nodes().store(gone).local_path(shard_key(key, 2)) or Path()).write_bytes(b"x")
        assert disks.remove(gone).status_code == 202
    elif loss == "force":
        assert disks.remove(gone, "?force=true").status_code == 202
    else:
        disks.database.all("update node set suspect_since = now(), lost_at = now() where id = %s", (gone,))
    rebalance()
    now = shards(disks, key)
    nodes = disks.nodes()
    assert set(now.values()) == set(nodes.homes(key, SHARDS))
    assert now[2] != gone
    with transaction() as tx:
        thing = find_frozen(tx, key)
    assert thing is not None
    only = FrozenObject(thing.object, tuple(each for each in thing.shards if each.number in (1, 2, 4, 5)))
    assert b"".join(read_frozen(nodes, only)) == data


@pytest.mark.parametrize("end", ["frozen", "deleted"])
def test_what_is_frozen_or_deleted_while_it_is_on_its_way_gets_no_replica(disks: Disks, end: str) -> None:
    (key,) = disks.store(1)
    new = disks.add("d")
    nodes, data = disks.nodes(), disks.contents[key]
    ref = ObjectRef(key, len(data), hashlib.sha256(data).hexdigest())
    located = Located(ref, tuple(sorted(disks.recorded(key))), (), temporary=False)
    if end == "frozen":
        freeze(disks, key, data)
        disks.database.all("delete from replica where object_key = %s", (key,))
    else:
        disks.database.all("delete from object where key = %s", (key,))
    ReplicaMigration(transaction, nodes, UNTHROTTLED, located, PlacementDiff([new], [new], [])).run()
    assert disks.recorded(key) == set()
    assert key not in disks.files()[new]


def test_without_coordination_it_waits_and_lookups_go_on(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = disks.store(10)
    new = disks.add("d")
    monkeypatch.setenv("ETCD_ENDPOINTS", "127.0.0.1:9")
    assert ping("rebalance").status_code == 503
    assert disks.files()[new] == {}
    with transaction() as tx:
        assert signed_urls(tx, keys).keys() == set(keys)
    store_bytes("videos/v/360p/new-0123abcd.m4s", b"new", "v")
    ready = create_app("rebalance").test_client().get("/ready")
    assert ready.status_code == 200
    assert ready.get_json()["backends"]["coordination"] == "down"
    assert "127.0.0.1:9" in ready.get_json()["degraded"]["coordination"]
    monkeypatch.delenv("ETCD_ENDPOINTS")
    disks.database.all("delete from object where key like %s", ("%new-%",))
    rebalance()
    assert disks.files()[new] != {}


# --- two at once, and killed


def test_while_one_is_at_it_the_other_lets_it_be(disks: Disks) -> None:
    disks.store(10)
    new = disks.add("d")
    with coordination.lock(LOCK, "the other", 10):
        rebalance()
        assert disks.files()[new] == {}
    rebalance()
    disks.assert_settled(3)


def test_two_at_once_move_nothing_twice(disks: Disks) -> None:
    disks.store(40)
    before = disks.nodes()
    disks.add("d")
    with ThreadPoolExecutor(2) as pool:
        assert [answer.status_code for answer in pool.map(ping, ["rebalance"] * 2)] == [204, 204]
    disks.assert_settled(3)
    assert disks.overview()["rebalance"]["copied_bytes"] == least(before, disks.nodes(), disks, 3)


def test_a_deposed_one_records_nothing_any_more(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    disks.store(40, size=50_000)
    before = {key: disks.recorded(key) for key in disks.contents}
    disks.add("d")
    monkeypatch.setenv("REBALANCE_BYTES_PER_SECOND", "20000")  # so that the first copies take seconds
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ping, "rebalance")
        until_held(disks)
        with transaction() as tx:  # what a lease that ran out leads to: the lock is given to another
            tx.execute("update fence set token = token + 1 where name = %s", (LOCK,))
        assert slow.result(timeout=60).status_code == 503
    assert {key: disks.recorded(key) for key in disks.contents} == before


def until_held(disks: Disks) -> None:
    running = "select 1 from rebalance where started_at is not null and finished_at is null"
    until(lambda: disks.database.all("select 1 from lock_lease where name = %s", (LOCK,)), "somebody takes the lock")
    until(lambda: disks.database.all(running), "a pass begins")


WORKER = """
from shared import coordination
from shared.db import transaction
from shared.storage.jobs.rebalance import rebalance
print("began", flush=True)
with coordination.lock("rebalance", "worker", 30) as fence:
    rebalance(fence.guard(transaction), 300)
"""


def _ended_or_moved(worker: "subprocess.Popen[bytes]", disks: Disks, new: str, before: int) -> bool:
    return worker.poll() is not None or moved(disks, new) != before


def test_what_a_killed_one_began_is_ended_by_the_next(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    disks.store(60, size=20_000)
    new = disks.add("d")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "REBALANCE_BYTES_PER_SECOND": "400000"}
    for _ in range(3):  # killed in the middle, three times
        done = moved(disks, new)
        worker = subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)
        try:
            until(partial(_ended_or_moved, worker, disks, new, done), "something is moved")
            assert worker.poll() is None, "it ended before it was killed"
        finally:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        for key in disks.contents:
            assert len(disks.holders(key)) >= 3
        disks.database.all("delete from lock_lease")  # as after its time
    rebalance()
    disks.assert_settled(3)


def moved(disks: Disks, node_id: str) -> int:
    row = disks.database.one("select count(*) as moved from replica where node_id = %s", (node_id,))
    assert row is not None
    return int(row["moved"])


# --- any sequence of changes

CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abcdef"), st.sampled_from(["", "x", "y"])),
        st.tuples(st.just("drain"), st.sampled_from("abcdef"), st.just("")),
        st.tuples(st.just("force"), st.sampled_from("abcdef"), st.just("")),
        st.tuples(st.just("weight"), st.sampled_from("abcdef"), st.sampled_from(["0", "0.5", "1", "2"])),
        st.tuples(st.just("zone"), st.sampled_from("abcdef"), st.sampled_from(["", "x", "y"])),
        st.tuples(st.just("rebalance"), st.just(""), st.just("")),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(changes=CHANGES)
def test_after_any_changes_everything_is_where_the_ring_says(
    changes: list[tuple[str, str, str]],
    database: Database,
    wadi: Wadi,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setenv("REPLICATION_FACTOR", "2")
        disks = fresh_disks(database, Path(folder), patch)
        disks.store(8, size=100)
        for what, name, value in changes:
            change(disks, what, name, value)
        for _ in range(3):  # a pass that ends empties a node, which is a change again
            rebalance()
        disks.assert_settled(min(2, len(disks.nodes().active())))
        shutil.rmtree(Path(folder) / "away", ignore_errors=True)


def change(disks: Disks, what: str, name: str, value: str) -> None:
    """One change; what is refused (there is no such node, replicas would be lost) is no change."""
    location = str(disks.folder / name)
    known = disks.database.one("select id from node where location = %s", (location,))
    node_id = str(known["id"]) if known else "none"
    match what:
        case "add":
            answer = disks.admin.post("add_node", "/api/nodes", {"location": location, "zone": value})
        case "drain":
            answer = disks.remove(node_id)
        case "force":
            answer = disks.remove(node_id, "?force=true")
        case "weight":
            others = [each for each in disks.nodes() if each.in_ring and each.id != node_id]
            if float(value) == 0 and len(others) < 2:
                return
            answer = disks.update(node_id, weight=float(value))
        case "zone":
            answer = disks.update(node_id, zone=value)
        case _:
            rebalance()
            return
    assert answer.status_code in (200, 201, 202, 404, 409), answer.text
