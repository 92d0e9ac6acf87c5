"""Whoever runs the platform need not wait for the turn of what they doubt."""

from shared.identity import Role
from tests.conftest import Database
from tests.films.rows import make_video
from tests.films.stored import make_segments
from tests.functions.people import Person, account
from tests.functions.waking import ping


def test_all_that_is_there_is_checked_again(database: Database, creator: Person) -> None:
    admin = account(database, "Root", Role.ADMIN)
    make_segments(database, make_video(database, creator.user_id), ["720p"], 2)
    assert admin.post("start_scrub", "/api/storage/scrub").status_code == 204
    assert database.one("select count(*) as n from topic_record where topic = 'wadi.scrub.asked'") == {"n": 1}
    assert admin.get("scrub_status", "/api/storage/scrub").get_json()["due"] == 3
    assert ping("scrub").status_code == 204
    status = admin.get("scrub_status", "/api/storage/scrub").get_json()
    assert (status["due"], status["checked"], status["damaged"]) == (0, 3, 0)
