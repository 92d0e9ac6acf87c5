"""A part counts when, and only when, all of its bytes are durable; only its own node writes to a directory."""

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest

from shared.objects import InvalidKey, NodeUnavailable, PartBusy, PartSizeWrong, UploadGone
from shared.objects.directory import DirectoryStore

KEY = "sources/1"


@pytest.fixture
def node(tmp_path: Path) -> DirectoryStore:
    return DirectoryStore.create("node-1", tmp_path / "disk")


@pytest.fixture
def upload(node: DirectoryStore) -> str:
    return node.multipart.start(KEY, 25, 10)


def test_bytes_go_where_they_belong(node: DirectoryStore, upload: str) -> None:
    for part, data in ((3, b"c" * 5), (1, b"a" * 10), (2, b"b" * 10)):
        with node.multipart.part_writer(KEY, upload, part) as writer:
            writer.write(data[:3])
            writer.write(data[3:])
            assert writer.finish() == (part, len(data), hashlib.sha256(data).hexdigest())
    node.multipart.complete(KEY, upload)
    assert b"".join(node.open(KEY)) == b"a" * 10 + b"b" * 10 + b"c" * 5


def test_too_few_and_too_many_bytes(node: DirectoryStore, upload: str) -> None:
    with node.multipart.part_writer(KEY, upload, 1) as writer:
        writer.write(b"a" * 9)
        with pytest.raises(PartSizeWrong):
            writer.finish()
        with pytest.raises(PartSizeWrong):
            writer.write(b"aa")
    assert node.multipart.parts(KEY, upload) == []


def test_one_writes_a_part_at_a_time(node: DirectoryStore, upload: str) -> None:
    with node.multipart.part_writer(KEY, upload, 1) as first:
        with pytest.raises(PartBusy):
            node.multipart.part_writer(KEY, upload, 1)
        with node.multipart.part_writer(KEY, upload, 2) as other:
            other.write(b"b" * 10)
            other.finish()
        first.write(b"a" * 10)
        first.finish()
    assert [part.number for part in node.multipart.parts(KEY, upload)] == [1, 2]


def test_one_that_was_given_up_writes_nothing_more(node: DirectoryStore, upload: str) -> None:
    """Its descriptors may belong to another file by then."""
    writer = node.multipart.part_writer(KEY, upload, 1)
    writer.close()
    with pytest.raises(PartBusy):
        writer.write(b"a")
    with pytest.raises(PartBusy):
        writer.finish()


def test_a_mark_that_was_half_written_does_not_count(node: DirectoryStore, upload: str) -> None:
    with node.multipart.part_writer(KEY, upload, 1) as writer:
        writer.write(b"a" * 10)
        writer.finish()
    mark = node.root / "uploads" / upload / "parts" / "1"
    mark.write_text(mark.read_text()[:40])
    assert node.multipart.parts(KEY, upload) == []


@pytest.mark.parametrize("upload_id", ["../../objects", "none", "a/b", ".."])
def test_uploads_that_are_none(node: DirectoryStore, upload_id: str) -> None:
    with pytest.raises((UploadGone, InvalidKey)):
        node.multipart.part_writer(KEY, upload_id, 1)
    with pytest.raises((UploadGone, InvalidKey)):
        node.multipart.parts(KEY, upload_id)
    with suppress(InvalidKey, UploadGone):
        node.multipart.forget(KEY, upload_id)
    assert (node.root / "objects").is_dir()


def test_another_disk_in_the_place_of_a_node_is_left_alone(node: DirectoryStore, upload: str) -> None:
    other = DirectoryStore("node-2", node.root)
    with pytest.raises(NodeUnavailable):
        other.put("a/b", [b"x"])
    with pytest.raises(NodeUnavailable):
        other.multipart.part_writer(KEY, upload, 1)
    with pytest.raises(NodeUnavailable):
        other.delete("a/b")
    assert not any((node.root / "objects").iterdir())
