"""A function that a PingSource wakes."""

from shared import coordination
from tests.runtime.conftest import Notes
from tests.runtime.served import assert_problem, client


def test_woken_is_204(notes: Notes) -> None:
    assert client("note_ping").post("/").status_code == 204
    assert notes.about("ping") == ["woken"]


def test_trouble_is_503_with_nothing_committed(notes: Notes) -> None:
    before = notes.about("ping")
    notes.database.all("insert into trouble values ('some')")
    try:
        assert_problem(client("note_ping").post("/"), 503, "unavailable")
    finally:
        notes.database.all("delete from trouble")
    assert notes.about("ping") == before


def test_an_exclusive_one_is_skipped_while_another_process_holds_its_lock(notes: Notes) -> None:
    before = notes.about("alone")
    with coordination.lock("note-alone", "another process", 30):
        assert client("note_alone").post("/").status_code == 204
        assert notes.about("alone") == before
    assert client("note_alone").post("/").status_code == 204
    assert client("note_alone").post("/").status_code == 204, "the lock was given back"
    assert notes.about("alone") == [*before, *["began", "ended"] * 2]


def test_an_exclusive_one_that_lost_its_lock_writes_nothing_any_more(notes: Notes) -> None:
    before = notes.about("alone")
    notes.database.all("insert into trouble values ('some')")
    try:
        assert_problem(client("note_alone").post("/"), 503, "unavailable")
    finally:
        notes.database.all("delete from trouble")
    assert notes.about("alone") == [*before, "began"]
