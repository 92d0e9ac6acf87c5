"""Videos as they are once they are ready, and what is said about them."""

from typing import Any

from shared.ids import new_id
from tests.conftest import Database
from tests.functions.people import Person


def make_room(database: Database, owner: Person, title: str = "A film", **fields: Any) -> str:
    """A video that is ready, written straight into the database; its id."""
    values = {"description": "", "tags": [], "visibility": "public"} | fields
    video_id = new_id()
    database.all(
        """
        insert into video (id, owner_id, title, description, tags, visibility, state, ready_at)
        values (%s, %s, %s, %s, %s, %s, 'ready', now())
        """,
        (video_id, owner.user_id, title, values["description"], values["tags"], values["visibility"]),
    )
    return video_id


def say(person: Person, video_id: str, body: str) -> dict[str, Any]:
    """Sends a message; the answer."""
    answer = person.post("send_message", f"/api/videos/{video_id}/messages", {"body": body})
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json  # type: ignore[assignment]
    return message
