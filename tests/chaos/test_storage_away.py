"""A node's directory is gone in the middle of an upload, and while segments are placed, and comes back later."""

import json
import random
import time
from pathlib import Path

from tests.chaos.storage_box import ROUNDS, WITHIN, again, clips, storage_box
from tests.conftest import Database

SEED = 20261127


def test_a_disk_that_comes_and_goes_loses_nothing(database: Database, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with storage_box(tmp_path / "home", database) as box:
        (clip,) = clips(tmp_path, 1)
        expected = {clip.name: box.ready(box.upload(clip))}
        for number in range(3 * ROUNDS):
            copy = again(clip, number)
            expected[copy.name] = expected[clip.name]
            sending = box.user.start("upload", str(copy), "--json")
            time.sleep(chance.uniform(0.3, 2.0))  # the moment, not a wait for something
            root = box.stores()[f"node-{chance.randint(1, 3)}"].root
            away = root.with_name("away")
            root.rename(away)
            time.sleep(chance.uniform(0.5, 4.0))
            away.rename(root)
            said, _ = sending.communicate(timeout=WITHIN)
            if sending.returncode == 0:
                box.videos[json.loads(said.splitlines()[-1])["id"]] = copy.name
            else:  # it was not acknowledged: said again, it is
                box.upload(copy)
        box.whole(expected)
