"""A function that a PingSource wakes."""

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
