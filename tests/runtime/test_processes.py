"""A function's process: what SIGTERM and kill -9 in the middle of long work do."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from events import VideoFailed
from shared.ids import new_id
from tests.patience import until
from tests.runtime.conftest import Notes
from tests.runtime.processes import serving


def test_sigterm_in_the_middle_of_long_work_lets_it_finish(notes: Notes, tmp_path: Path) -> None:
    thing, event = new_id(), new_id()
    with serving("note_under_lease", tmp_path / "log") as served, ThreadPoolExecutor(1) as pool:
        with notes.held():
            answer = pool.submit(served.deliver, VideoFailed(thing, "long"), event)
            until(lambda: notes.about(thing) == ["begun"], "the work has begun")
            served.terminate()
            until(lambda: not served.listens(), "the process takes no new work")
            assert served.process.poll() is None, "but it is at its work still"
        assert answer.result() == 204
        assert served.process.wait(60) == 0, served.said()
    assert notes.about(thing) == ["begun", "done"]
    assert notes.sent(thing) == ["wadi.video.playable", "wadi.video.ready"]
    assert notes.state(event) == "completed"


def test_sigterm_without_work_ends_it(notes: Notes, tmp_path: Path) -> None:
    with serving("note_under_lease", tmp_path / "log") as served:
        served.terminate()
        assert served.process.wait(60) == 0, served.said()
        assert "Traceback" not in served.said()


@pytest.mark.parametrize(
    ("function", "script", "at_work"), [("note_under_lease", "long", ["begun"]), ("note_at_once", "wait", [])]
)
def test_kill_9_in_the_middle_commits_nothing_and_loses_nothing(
    notes: Notes, tmp_path: Path, function: str, script: str, at_work: list[str]
) -> None:
    thing, event = new_id(), new_id()
    work = VideoFailed(thing, script)
    with serving(function, tmp_path / "killed") as served, ThreadPoolExecutor(1) as pool, notes.held():
        answer = pool.submit(served.deliver, work, event)
        until(lambda: notes.waiting() == 1, "the function is in the middle of its work")
        served.kill()
        assert answer.result() == 0
    until(lambda: notes.waiting() == 0, "the database has noticed")
    assert (notes.about(thing), notes.sent(thing)) == (at_work, [])

    with serving(function, tmp_path / "next") as served:
        if at_work:  # a lease outlives its holder
            assert served.deliver(work, event) == 409
            notes.expire(event)
        assert served.deliver(work, event) == 204
        assert served.deliver(work, event) == 204
    assert notes.about(thing) == [*at_work, *at_work, "done"]
    assert len(notes.sent(thing)) == 2


def test_health_answers_while_every_place_for_work_is_taken(notes: Notes, tmp_path: Path) -> None:
    thing = new_id()
    with (
        serving("note_under_lease", tmp_path / "log", CONTAINER_CONCURRENCY="1") as served,
        ThreadPoolExecutor(1) as pool,
    ):
        with notes.held():
            answer = pool.submit(served.deliver, VideoFailed(thing, "long"), new_id())
            until(lambda: notes.about(thing) == ["begun"], "the work has begun")
            assert [served.get(path) for path in ("/health", "/ready", "/metrics")] == [200, 200, 200]
        assert answer.result() == 204
