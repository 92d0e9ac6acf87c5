"""An event function without a lease: one transaction for the claim and all that it does."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.ids import new_id
from tests.patience import until
from tests.runtime.conftest import Notes
from tests.runtime.served import assert_problem, deliver


def test_handled_is_204_with_everything_committed(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    answer = deliver("note_at_once", "", thing, event)
    assert (answer.status_code, answer.data) == (204, b"")
    assert notes.about(thing) == ["done"]
    assert notes.sent(thing) == ["wadi.video.playable", "wadi.video.ready"]
    assert notes.state(event) == "completed"


def test_handled_before_is_204_and_nothing_happens(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    statuses = [deliver("note_at_once", "", thing, event).status_code for _ in range(3)]
    assert statuses == [204, 204, 204]
    assert notes.about(thing) == ["done"]
    assert len(notes.sent(thing)) == 2


def test_an_event_of_the_same_id_from_another_consumer_is_another_receipt(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    assert deliver("note_at_once", "", thing, event).status_code == 204
    assert deliver("note_under_lease", "", thing, event).status_code == 204
    assert notes.about(thing) == ["done", "begun", "done"]


@pytest.mark.parametrize("script", ["explode", "explode later"])
def test_trouble_is_503_with_nothing_committed_and_can_be_tried_again(notes: Notes, script: str) -> None:
    """Also when it comes after the function's own block: the transaction is that of the whole event."""
    event, thing = new_id(), new_id()
    answer = deliver("note_at_once", script, thing, event)
    problem = assert_problem(answer, 503, "unavailable")
    assert "as the test wants it" in problem["detail"]
    assert answer.headers["Retry-After"]
    assert (notes.about(thing), notes.sent(thing), notes.state(event)) == ([], [], "absent")
    assert notes.in_outbox() == 0
    assert deliver("note_at_once", "", thing, event).status_code == 204
    assert notes.about(thing) == ["done"]


def test_what_a_function_finds_malformed_is_400_with_nothing_committed(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    assert_problem(deliver("note_at_once", "malformed", thing, event), 400, "invalid-request")
    assert (notes.about(thing), notes.sent(thing), notes.state(event)) == ([], [], "absent")


def test_two_deliveries_at_once_are_handled_once(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    with ThreadPoolExecutor(2) as pool:
        with notes.held():
            answers = [pool.submit(deliver, "note_at_once", "wait", thing, event) for _ in range(2)]
            until(lambda: notes.waiting() == 2, "one at the lock, one at the claim of the other")
        assert [answer.result().status_code for answer in answers] == [204, 204]
    assert notes.about(thing) == ["done"]
    assert len(notes.sent(thing)) == 2


def test_of_two_deliveries_at_once_the_second_takes_over_when_the_first_fails(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    with ThreadPoolExecutor(2) as pool:
        with notes.held():
            first = pool.submit(deliver, "note_at_once", "wait", thing, event)
            until(lambda: notes.waiting() == 1, "the first at the lock")
            second = pool.submit(deliver, "note_at_once", "", thing, event)
            until(lambda: notes.waiting() == 2, "the second at the claim of the first")
            _end_connections_that_wait_for_advisory_locks(notes)
        assert_problem(first.result(), 503, "unavailable")
        assert second.result().status_code == 204
    assert notes.about(thing) == ["done"]
    assert notes.state(event) == "completed"


def _end_connections_that_wait_for_advisory_locks(notes: Notes) -> None:
    assert notes.database.all(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock' and wait_event = 'advisory'"
    )
