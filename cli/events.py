"""The CloudEvents in the platform's own log (the embedded transport: the table topic_record).

Positions become visible in order, so reading on from the last one misses nothing.
"""

import fnmatch
import select
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from cli.errors import CliError, Unreachable
from cli.output import Output
from cli.platform import database_url

if TYPE_CHECKING:
    from psycopg2.extensions import connection as Connection

PAGE = 500
# A notification may be lost with its connection; then we look by ourselves.
LOOK_SECONDS = 5.0


class Filter:
    def __init__(self, types: Sequence[str], subject: str | None) -> None:
        self._types = types
        self._subject = subject

    def takes(self, event: dict[str, Any]) -> bool:
        if self._types and not any(fnmatch.fnmatchcase(str(event.get("type")), each) for each in self._types):
            return False
        subject = str(event.get("subject") or "")
        return self._subject is None or subject == self._subject or subject.startswith(f"{self._subject}/")


def records(*, follow: bool, from_start: bool) -> Iterator[dict[str, Any]]:
    """Events in the order in which they were published."""
    connection = _connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute("listen wadi_topic")
        position = 0 if from_start else _last_position(connection)
        while True:
            rows = _after(connection, position)
            for _, event in rows:
                yield event
            position = rows[-1][0] if rows else position
            if len(rows) == PAGE:
                continue
            if not follow:
                return
            _wait(connection)
    finally:
        connection.close()


def _connect() -> "Connection":
    import psycopg2

    try:
        connection = psycopg2.connect(database_url(session=True), connect_timeout=5, application_name="wadi events")
    except psycopg2.OperationalError as error:
        raise Unreachable(f"The platform's database does not answer: {_first_line(error)}") from None
    connection.autocommit = True
    return connection


def _last_position(connection: "Connection") -> int:
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(max(position), 0) from topic_record")
        row = cursor.fetchone()
        return int(row[0]) if row else 0


def _after(connection: "Connection", position: int) -> list[tuple[int, dict[str, Any]]]:
    import psycopg2

    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "select position, event from topic_record where position > %s order by position limit %s",
                (position, PAGE),
            )
            return [(row[0], row[1]) for row in cursor.fetchall()]
    except psycopg2.errors.UndefinedTable:
        raise CliError("This database has no events: it is not Wadi's, or not migrated yet.") from None
    except psycopg2.OperationalError as error:
        raise Unreachable(f"The platform's database went away: {_first_line(error)}") from None


def _wait(connection: "Connection") -> None:
    select.select([connection], [], [], LOOK_SECONDS)
    connection.poll()
    connection.notifies.clear()


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def print_event(out: Output, event: dict[str, Any]) -> None:
    if out.json:
        out.emit(event)
        return
    time = str(event.get("time") or "")[11:23]
    data = event.get("data")
    out.say(f"{time}  {event.get('type'):<26}  {event.get('subject') or ''}  {_short(data)}")


def _short(data: Any) -> str:
    """The fields of the payload, less the video's id, which is the subject."""
    if not isinstance(data, dict):
        return "" if data is None else str(data)
    return "  ".join(f"{name}={value}" for name, value in data.items() if name != "video_id" and value is not None)
