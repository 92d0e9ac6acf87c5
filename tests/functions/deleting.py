"""Deleting videos, and looking for what is left of them."""

from werkzeug.test import TestResponse

from shared.deletion.tables import GONE, OnDelete, tables
from tests.conftest import Database
from tests.functions.people import Person

TABLES = (*GONE, *tables(OnDelete.BY_NODE))


def delete(person: Person, video_id: str) -> TestResponse:
    return person.delete("delete_video", f"/api/videos/{video_id}")


def left(database: Database, video_id: str) -> dict[str, int]:
    """What the tables still say of a video, its empty row aside."""
    found = {table: len(database.all(f"select 1 from {table} where video_id = %s", (video_id,))) for table in TABLES}
    return {table: count for table, count in found.items() if count}
