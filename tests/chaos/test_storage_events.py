"""Each event is delivered three times and more, late and in another order; and once more when nobody remembers it."""

import random
from pathlib import Path

from tests.chaos.storage_box import ROUNDS, again, clips, storage_box
from tests.conftest import Database

SEED = 20261129
AGAIN = (
    "insert into delivery (consumer_group, position, topic, key)"
    " select o.consumer_group, r.position, r.topic, r.key from topic_record r join consumer_offset o using (topic)"
    " where r.position <= o.position order by random() on conflict do nothing"
)


def test_events_three_times_in_any_order(database: Database, tmp_path: Path) -> None:
    seed = random.Random(SEED).randrange(1000)
    chaos = f"seed={seed},duplicate=1,delay=0.5,reorder=0.5"
    with storage_box(tmp_path / "home", database, WADI_CHAOS=chaos) as box:
        (clip,) = clips(tmp_path, 1)
        expected = {clip.name: box.ready(box.upload(clip))}
        for number in range(ROUNDS):
            copy = again(clip, number)
            expected[copy.name] = expected[clip.name]
            box.ready(box.upload(copy))
        box.quiet()
        before = box.objects()
        for forget in (False, True):
            if forget:
                database.all("delete from inbox")
            database.all(AGAIN)
            database.all("notify wadi_topic")
            box.quiet()
        box.whole(expected)
        assert box.objects() == before
