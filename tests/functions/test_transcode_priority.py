"""transcode_priority: an ENTERPRISE account's video goes its own way to the same end, behind nobody else's."""

import pytest

from events import SegmentEncoded, SegmentPlanned, SegmentPrioritized, VideoReady
from shared.identity import Role
from tests.conftest import Database
from tests.films.film import Film, long_file, planned, short_file
from tests.functions.people import Person, account
from tests.functions.waking import deliver


@pytest.fixture(scope="module")
def enterprise(database: Database, creator: Person) -> Person:
    return account(database, "Grace", Role.ENTERPRISE)


def test_from_a_plan_to_ready(database: Database, enterprise: Person) -> None:
    film = planned(database, enterprise, long_file())
    film.run("transcode_segment")  # nothing is there for it
    assert film.segments() == []
    film.run("transcode_priority", "transcode_audio", "publish_video")
    assert film.state == "ready"
    assert len(film.sent(VideoReady)) == 1


def test_of_two_consumers_one_publishes(database: Database, enterprise: Person) -> None:
    """An account became one of ENTERPRISE in between: its video was asked for on both topics."""
    film = planned(database, enterprise, short_file())
    (event,) = film.sent(SegmentPrioritized)
    assert isinstance(event, SegmentPrioritized)
    assert deliver("transcode_priority", event).status_code == 204
    assert deliver("transcode_segment", SegmentPlanned(film.id, event.index, event.renditions)).status_code == 204
    assert len(film.sent(SegmentEncoded)) == 1


def test_it_takes_its_own_events_only(database: Database, creator: Person) -> None:
    film: Film = planned(database, creator, short_file())
    (event,) = film.sent(SegmentPlanned)
    assert deliver("transcode_priority", event).status_code == 400
