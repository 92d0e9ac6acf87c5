"""Reading and copying replicas: only good bytes count, and a failing node is told from a bad replica."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from shared.objects import NodeUnavailable, ObjectStore
from shared.objects.directory import DirectoryStore
from shared.storage import ObjectRef
from shared.storage.replicas import (
    BadReplica,
    NoGoodReplica,
    copy,
    corruption,
    first_good,
    is_there,
    read_verified,
    send,
    spool,
)

KEY = "videos/1/720p/0-0123abcd.m4s"
DATA = hashlib.shake_256(b"replica").digest(3_000_000)
REF = ObjectRef(KEY, len(DATA), hashlib.sha256(DATA).hexdigest())

WRONG = {"missing": "missing", "short": "2999999 bytes instead of 3000000", "other": "other bytes than were stored"}

Copy = Callable[[ObjectStore, ObjectStore, ObjectRef], None]


@pytest.fixture
def stores(tmp_path: Path) -> list[DirectoryStore]:
    """Three nodes; the first two have the object."""
    made = [DirectoryStore.create(f"node-{name}", tmp_path / name) for name in "abc"]
    for store in made[:2]:
        store.put(KEY, [DATA])
    return made


def harm(store: DirectoryStore, how: str) -> None:
    match how:
        case "missing":
            store.delete(KEY)
        case "short":
            store.path(KEY).write_bytes(DATA[:-1])
        case "other":
            store.path(KEY).write_bytes(bytes(len(DATA)))
        case "away":
            store.root.rename(store.root.with_name("away"))


@pytest.mark.parametrize("how", WRONG)
def test_a_bad_replica_is_found(stores: list[DirectoryStore], how: str) -> None:
    assert corruption(stores[0], REF) is None
    harm(stores[0], how)
    expected = {
        "missing": "missing",
        "short": "2999999 bytes instead of 3000000",
        "other": "other bytes than were stored",
    }
    assert corruption(stores[0], REF) == expected[how]
    assert is_there(stores[0], REF) == (how == "other"), "only the bytes tell"
    with pytest.raises(BadReplica) as bad:
        b"".join(read_verified(stores[0], REF))
    assert bad.value.node_error is None
    with pytest.raises(BadReplica):
        spool(stores[0], REF)


def test_a_node_that_fails_is_no_corruption(stores: list[DirectoryStore]) -> None:
    harm(stores[0], "away")
    with pytest.raises(NodeUnavailable):
        corruption(stores[0], REF)
    with pytest.raises(BadReplica) as bad:
        b"".join(read_verified(stores[0], REF))
    assert isinstance(bad.value.node_error, NodeUnavailable)


def test_an_object_that_came_in_parts_is_compared_by_parts(stores: list[DirectoryStore]) -> None:
    info = stores[2].put(KEY, [DATA], part_size=1_000_000)
    ref = ObjectRef(KEY, info.size, info.sha256, info.part_size)
    assert ref.sha256 != REF.sha256
    assert corruption(stores[0], ref) is None
    assert corruption(stores[0], ObjectRef(KEY, info.size, info.sha256)) == "other bytes than were stored"


@pytest.mark.parametrize("do", [copy, send])
@pytest.mark.parametrize("how", ["missing", "short", "other", "away"])
def test_of_a_bad_origin_nothing_is_kept(stores: list[DirectoryStore], do: Copy, how: str) -> None:
    harm(stores[0], how)
    with pytest.raises(BadReplica) as bad:
        do(stores[0], stores[2], REF)
    assert (bad.value.node_error is not None) == (how == "away")
    assert stores[2].size(KEY) is None


@pytest.mark.parametrize("do", [copy, send])
def test_a_target_that_fails_is_not_the_fault_of_the_origin(stores: list[DirectoryStore], do: Copy) -> None:
    harm(stores[2], "away")
    with pytest.raises(NodeUnavailable):
        do(stores[0], stores[2], REF)


def test_a_bad_origin_does_not_replace_what_the_target_has(stores: list[DirectoryStore]) -> None:
    harm(stores[0], "other")
    with pytest.raises(BadReplica):
        send(stores[0], stores[1], REF)
    assert corruption(stores[1], REF) is None


def test_the_first_good_one_is_used(stores: list[DirectoryStore]) -> None:
    harm(stores[0], "other")
    passed_over: list[str] = []
    first_good(
        REF,
        stores,
        lambda origin: copy(origin, stores[2], REF),
        on_bad=lambda store, error: passed_over.append(f"{store.id}: {error.reason}"),
    )
    assert passed_over == ["node-a: other bytes than were stored"]
    assert corruption(stores[2], REF) is None


@pytest.mark.parametrize("away", [False, True])
def test_without_a_good_one_it_is_known_whether_all_were_read(stores: list[DirectoryStore], away: bool) -> None:
    with spool(stores[1], REF) as file:
        assert file.read(1) == b"", "it stands at its end"
        file.seek(0)
        assert file.read() == DATA
    harm(stores[0], "other")
    harm(stores[1], "away" if away else "short")
    with pytest.raises(NoGoodReplica) as none:
        first_good(REF, stores[:2], lambda store: spool(store, REF))
    assert (none.value.node_error is not None) == away


def test_a_target_that_fails_ends_the_search(stores: list[DirectoryStore]) -> None:
    tried: list[str] = []

    def use(origin: ObjectStore) -> None:
        tried.append(origin.id)
        copy(origin, stores[2], REF)

    harm(stores[2], "away")
    with pytest.raises(NodeUnavailable):
        first_good(REF, stores[:2], use)
    assert tried == ["node-a"]
