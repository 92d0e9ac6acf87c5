"""An event function with a lease: long work by one process at a time, taken over when that one is gone."""

from concurrent.futures import ThreadPoolExecutor

from shared.ids import new_id
from tests.patience import until
from tests.runtime.conftest import Notes
from tests.runtime.served import assert_problem, deliver


def test_handled_is_204_once(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    assert [deliver("note_under_lease", "", thing, event).status_code for _ in range(2)] == [204, 204]
    assert notes.about(thing) == ["begun", "done"]
    assert notes.sent(thing) == ["wadi.video.playable", "wadi.video.ready"]
    assert notes.state(event) == "completed"


def test_trouble_is_503_frees_the_lease_and_keeps_what_was_committed_before(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    assert_problem(deliver("note_under_lease", "explode", thing, event), 503, "unavailable")
    assert (notes.about(thing), notes.sent(thing), notes.state(event)) == (["begun"], [], "absent")
    assert deliver("note_under_lease", "", thing, event).status_code == 204
    assert notes.about(thing) == ["begun", "begun", "done"]


def test_what_a_function_finds_malformed_is_400(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    assert_problem(deliver("note_under_lease", "malformed", thing, event), 400, "invalid-request")
    assert (notes.about(thing), notes.state(event)) == (["begun"], "absent")


def test_while_one_is_at_it_others_get_409(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    with ThreadPoolExecutor(1) as pool:
        with notes.held():
            first = pool.submit(deliver, "note_under_lease", "long", thing, event)
            until(lambda: notes.about(thing) == ["begun"], "the first has begun")
            assert_problem(deliver("note_under_lease", "long", thing, event), 409, "in-progress")
            assert notes.state(event) == "in progress"
        assert first.result().status_code == 204
    assert notes.about(thing) == ["begun", "done"]


def test_a_lease_that_has_ended_is_taken_over_and_the_deposed_commits_nothing(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    with ThreadPoolExecutor(2) as pool:
        with notes.held():
            deposed = pool.submit(deliver, "note_under_lease", "long", thing, event)
            until(lambda: notes.about(thing) == ["begun"], "the first has begun")
            notes.expire(event)
            heir = pool.submit(deliver, "note_under_lease", "long", thing, event)
            until(lambda: notes.about(thing) == ["begun", "begun"], "the second has taken over")
            assert_problem(deliver("note_under_lease", "long", thing, event), 409, "in-progress")
        problem = assert_problem(deposed.result(), 503, "unavailable")
        assert "LeaseLost" in problem["detail"]
        assert heir.result().status_code == 204
    assert notes.about(thing) == ["begun", "begun", "done"]
    assert len(notes.sent(thing)) == 2
    assert notes.state(event) == "completed"


def test_the_deposed_does_not_free_the_lease_of_its_heir(notes: Notes) -> None:
    event, thing = new_id(), new_id()
    with ThreadPoolExecutor(1) as pool:
        with notes.held():
            deposed = pool.submit(deliver, "note_under_lease", "long", thing, event)
            until(lambda: notes.about(thing) == ["begun"], "the first has begun")
            notes.database.all("update inbox set holder = 'an heir on another machine' where id = %s", (event,))
        assert_problem(deposed.result(), 503, "unavailable")
    assert notes.state(event) == "in progress"
    assert (notes.about(thing), notes.sent(thing)) == (["begun"], [])


def test_a_lease_is_renewed_while_the_work_goes_on(notes: Notes) -> None:
    event = new_id()

    def lease_until() -> object:
        row = notes.database.one("select lease_until from inbox where id = %s and holder is not null", (event,))
        return row and row["lease_until"]

    with ThreadPoolExecutor(1) as pool:
        with notes.held():
            answer = pool.submit(deliver, "note_under_short_lease", "", new_id(), event)
            until(lease_until, "the lease is held")
            first = lease_until()
            until(lambda: lease_until() != first, "the lease is renewed")
        assert answer.result().status_code == 204
    assert notes.state(event) == "completed"
