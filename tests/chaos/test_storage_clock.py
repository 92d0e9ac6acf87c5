"""The clocks of the platform's processes are an hour off those of the database and of whoever looks on."""

import random
from pathlib import Path

from tests.chaos.storage_box import HARMS, again, clips, harm, storage_box
from tests.clock import wrong_clock
from tests.conftest import Database

SEED = 20261128


def test_an_hour_off_loses_nothing(database: Database, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    with storage_box(tmp_path / "home", database, **wrong_clock(tmp_path, 3600)) as box:
        (clip,) = clips(tmp_path, 1)
        expected = {clip.name: box.ready(box.upload(clip))}
        box.quiet()
        for key, nodes in box.objects().items():
            harm(box.stores()[chance.choice(nodes)].root / "objects" / key, chance.choice(HARMS))
        box.wadi("scrub", "--start", "--wait", "--json")
        box.whole(expected)

        box.wadi("down")  # and now an hour behind, so that two hours have gone backwards
        box.user.extra |= wrong_clock(tmp_path, -3600)
        box.wadi("up")
        copy = again(clip, 1)
        expected[copy.name] = expected[clip.name]
        box.ready(box.upload(copy))
        box.whole(expected)
