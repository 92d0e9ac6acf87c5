"""How far the scrub is, and what is lost."""

import pytest

from shared.identity import Role
from shared.storage.nodes.location import local_stores
from tests.conftest import Database, Wadi
from tests.films.rows import make_video
from tests.films.stored import make_segments
from tests.functions.people import Person, account
from tests.functions.waking import ping


@pytest.fixture(scope="module")
def admin(database: Database, wadi: Wadi) -> Person:
    return account(database, "Root", Role.ADMIN)


def test_it_tells_what_is_due_and_what_was_found(database: Database, creator: Person, admin: Person) -> None:
    (segment,) = make_segments(database, make_video(database, creator.user_id), ["720p"], 1)
    fresh = admin.get("scrub_status", "/api/storage/scrub").get_json()
    assert (fresh["due"], fresh["checked"], fresh["lost"]) == (0, 0, [])
    for store in local_stores().values():
        store.delete(segment.object_key)
    database.all("update replica_check set checked_at = now() - interval '31 days'")
    due = admin.get("scrub_status", "/api/storage/scrub").get_json()
    assert (due["due"], due["due_bytes"]) == (2, len(segment.data) + len(segment.init))
    assert ping("scrub").status_code == 204
    after = admin.get("scrub_status", "/api/storage/scrub").get_json()
    assert (after["due"], after["checked"], after["damaged"], after["repaired"]) == (0, 2, 1, 0)
    assert after["worked_at"]
    assert [(each["key"], each["video_id"]) for each in after["lost"]] == [(segment.object_key, segment.video_id)]
    assert after["lost_count"] == 1
