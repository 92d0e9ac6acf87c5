"""Where a consumer brings events: the functions that run here (local/activator/activator.py), or what runs in a
cluster."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

ERROR_DATA_BYTES = 1024  # what a dead letter carries of an answer, as in Knative's data plane


@dataclass
class SinkResponse:
    """What a sink said to an event; status 0 when it said nothing."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class SinkClient(Protocol):
    """A sink goes by the name that the subscription has for it."""

    def capacity(self, sink: str, /) -> int:
        """How many events may be under way to it at once."""

    def address(self, sink: str, /) -> str:
        """Its URL in a cluster, which stands in dead letters."""

    async def deliver(self, sink: str, headers: Mapping[str, str], body: bytes, timeout: float, /) -> SinkResponse:
        """POSTs an event. Whatever goes wrong is an answer too."""
