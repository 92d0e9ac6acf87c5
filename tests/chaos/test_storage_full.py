"""The disk of one node is full: uploads go on, and once there is room, every replica is made."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.storage_box import ROUNDS, WITHIN, clips, storage_box
from tests.conftest import Database
from tests.patience import until

SMALL, LARGE = "size=256k", "size=256m"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for next to nothing."""
    if os.geteuid() != 0:
        pytest.skip("a disk that is full needs root: it is a mount")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", SMALL, "wadi-test", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"a disk that is full needs a mount: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_full_disk_stops_nothing(small_disk: Path, database: Database, tmp_path: Path) -> None:
    nodes = [tmp_path / "a", small_disk / "node", tmp_path / "b"]
    with storage_box(tmp_path / "home", database, WADI_NODES=":".join(map(str, nodes))) as box:
        expected = {}
        for clip in clips(tmp_path, 1 + ROUNDS):
            expected[clip.name] = box.ready(box.upload(clip))  # ready, though not all of it is placed
        full = next(store.id for store in box.stores().values() if store.root == nodes[1])
        lacking = [key for key, held in box.objects().items() if full not in held]
        assert lacking, "the disk was large enough: make it smaller"
        subprocess.run(["mount", "-o", f"remount,{LARGE}", str(small_disk)], check=True)
        until(lambda: all(len(held) == 3 for held in box.objects().values()), "every replica is made", WITHIN)
        box.whole(expected)
