"""What happens to the nodes that store objects."""

from typing import ClassVar

from events.base import Event


class NodeEvent(Event, frozen=True):
    node_id: str

    @property
    def subject(self) -> str:
        return self.node_id


class NodeAdded(NodeEvent, frozen=True):
    """A node takes objects: a new one, or one that was removed or being emptied before."""

    type: ClassVar[str] = "wadi.node.added"


class NodeRemoved(NodeEvent, frozen=True):
    """A node takes no more objects: what it holds goes elsewhere."""

    type: ClassVar[str] = "wadi.node.removed"
