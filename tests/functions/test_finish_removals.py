"""What deleting left to do is done, also when nobody was told of it. Nodes away: test_remove_video_files.py."""

import pytest

from tests.conftest import Database
from tests.films.rows import make_video
from tests.films.stored import make_segments
from tests.functions.deleting import delete, left
from tests.functions.people import Person
from tests.functions.uploading import everything_stored
from tests.functions.waking import ping

pytestmark = pytest.mark.usefixtures("wadi")


def test_a_lost_event_is_made_up_for(database: Database, creator: Person) -> None:
    video = make_video(database, creator.user_id)
    before = everything_stored()
    make_segments(database, video, ["360p"], 2)
    delete(creator, video)
    assert ping("finish_removals").status_code == 204
    assert "object" in left(database, video), "the event has its time"
    database.all("update video set deleted_at = now() - interval '6 minutes' where id = %s", (video,))
    assert ping("finish_removals").status_code == 204
    assert left(database, video) == {}
    assert everything_stored() == before
