"""The port: grants locks and knows which nodes are alive. Every method may raise Unavailable."""

from abc import ABC, abstractmethod

from shared.errors import Busy, LeaseLost


class LockHeld(Busy):
    """Another holder has the lock."""


class Fenced(LeaseLost):
    """Another holder got the lock meanwhile, so the former holder may not write any more."""


class Coordination(ABC):
    """Leases end by the server's clock, never by that of a caller."""

    @abstractmethod
    def acquire(self, name: str, holder: str, ttl_s: float) -> bool:
        """Grants the lock to `holder` for `ttl_s` seconds; False when another holds it."""

    @abstractmethod
    def keep(self, name: str, holder: str, ttl_s: float) -> bool:
        """Renews the holder's lease; False when the holder no longer has the lock."""

    @abstractmethod
    def release(self, name: str, holder: str) -> None:
        """Releases the lock. It is no error if the holder no longer has it."""

    @abstractmethod
    def renew(self, node_id: str, ttl_s: float) -> None:
        """The node answers: it counts as alive for `ttl_s` seconds."""

    @abstractmethod
    def alive(self) -> set[str]:
        """The ids of the nodes whose lease has not ended."""
