"""video_status: how far a video is, at every stage of a real one."""

from typing import Any

import pytest

from tests.conftest import Database
from tests.films.film import Film, absent, long_file, silent_file, uploaded
from tests.functions.people import Person, assert_problem


def status(person: Person, film: Film) -> dict[str, Any]:
    answer = person.get("video_status", f"/api/videos/{film.id}/status")
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json  # type: ignore[assignment]
    return said


def progress(said: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {r["name"]: (r["encoded"], r["total"], r["placed"]) for r in said["renditions"]}


def test_every_stage(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, long_file())
    said = status(Person(), film)
    assert (
        said.items()
        >= {"id": film.id, "state": "uploaded", "stage": "uploaded", "renditions": [], "attempts": 0}.items()
    )

    film.run("plan_video")
    said = status(Person(), film)
    assert said["stage"] == "planned"
    assert progress(said) == {"480p": (0, 3, 0), "360p": (0, 3, 0), "audio": (0, 3, 0)}

    film.run("transcode_audio")
    assert progress(status(Person(), film))["audio"] == (3, 3, 0)

    film.run("transcode_segment", "publish_video", "place_segment")
    said = status(Person(), film)
    assert (said["state"], said["stage"]) == ("ready", "ready")
    assert progress(said) == {"480p": (3, 3, 3), "360p": (3, 3, 3), "audio": (3, 3, 3)}
    assert 0 < said["playable_after_s"] <= said["ready_after_s"]
    assert "indexed_after_s" not in said

    film.run("index_video")
    said = status(Person(), film)
    assert (said["state"], said["stage"], said["indexed"]) == ("ready", "indexed", True)
    assert said["indexed_after_s"] >= said["ready_after_s"]


def test_without_sound_there_is_no_audio_to_wait_for(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, silent_file())
    film.run("plan_video")
    assert progress(status(Person(), film)) == {"180p": (0, 1, 0)}


def test_a_failure_has_its_reason_and_what_was_done(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, silent_file())
    film.run("plan_video", "transcode_segment")
    film.set(state="failed", reason="It rained.")
    said = status(Person(), film)
    assert (said["state"], said["stage"], said["reason"]) == ("failed", "failed", "It rained.")
    assert progress(said) == {"180p": (1, 1, 0)}


def test_a_private_video_is_for_its_owner(database: Database, creator: Person) -> None:
    film = uploaded(database, creator, silent_file(), "private")
    assert status(creator, film)["state"] == "uploaded"
    for person, video in ((Person(), film), (Person(), absent(database, creator))):
        assert_problem(person.get("video_status", f"/api/videos/{video.id}/status"), 404, "not-found")


@pytest.mark.parametrize("state", ["ready", "failed"])
def test_an_index_entry_of_a_video_that_is_not_ready_does_not_count(
    database: Database, creator: Person, state: str
) -> None:
    film = uploaded(database, creator, silent_file())
    film.ago("indexed_at", 1)
    film.set(state=state)
    said = status(Person(), film)
    assert (said.get("indexed", False), said["stage"]) == ((True, "indexed") if state == "ready" else (False, "failed"))
