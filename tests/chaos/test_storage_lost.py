"""Two of three replicas of everything are deleted or corrupted, then a whole disk: all comes back, byte for byte."""

import random
import shutil
from pathlib import Path

from tests.chaos.storage_box import HARMS, ROUNDS, clips, harm, storage_box
from tests.conftest import Database

SEED = 20261126


def test_one_replica_of_three_is_enough(database: Database, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with storage_box(tmp_path / "home", database) as box:
        expected = {}
        for clip in clips(tmp_path, 1 + ROUNDS):
            expected[clip.name] = box.ready(box.upload(clip))
        box.quiet()
        for _ in range(ROUNDS):
            harmed = 0
            for key, nodes in box.objects().items():
                for node in chance.sample(nodes, 2):
                    harm(box.stores()[node].root / "objects" / key, chance.choice(HARMS))
                    harmed += 1
            before = box.wadi("scrub", "--json")[0]
            after = box.wadi("scrub", "--start", "--wait", "--json")[0]
            assert after["damaged"] - before["damaged"] == harmed
            assert after["repaired"] - before["repaired"] == harmed
            box.whole(expected)

            disk = chance.choice(sorted(box.stores().values(), key=lambda store: store.id))
            shutil.rmtree(disk.root / "objects")  # a new disk in the place of the old one
            (disk.root / "objects").mkdir()
            for video, played in box.videos.items():  # it plays meanwhile
                assert box.ready(video) == expected[played]
            box.wadi("scrub", "--start", "--wait", "--json")
            box.whole(expected)
