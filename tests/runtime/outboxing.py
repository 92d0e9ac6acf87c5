"""Events in the outbox that nobody has sent yet, and their relay."""

from contextlib import closing
from typing import ClassVar

from events.base import Event
from shared import db
from shared.outbox import publish, relay


class Happened(Event, frozen=True):
    type: ClassVar[str] = "test.thing.happened"
    key: str
    text: str

    @property
    def subject(self) -> str:
        return self.key


def leave(*events: Event) -> None:
    """As a process does that is killed after its commit."""
    with closing(db.connect()) as connection, connection:
        publish(db.Transaction(connection, "/wadi/some-function"), *events)


def relayed() -> int:
    with closing(db.connect()) as connection:
        return relay(connection)
