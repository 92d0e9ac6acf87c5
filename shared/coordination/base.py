"""The port: who grants locks and knows which nodes are alive. Every method may raise Unavailable."""

from abc import ABC, abstractmethod

from shared.errors import Busy, LeaseLost


class Held(Busy):
    """The lock belongs to another holder."""


class Deposed(LeaseLost):
    """The lock went to another holder while we were at it."""


class Coordination(ABC):
    """Leases run by the server's clock, never by that of a caller."""

    @abstractmethod
    def acquire(self, name: str, holder: str, ttl_s: float) -> bool:
        """Gives the lock to `holder` for so long, unless it belongs to another."""

    @abstractmethod
    def keep(self, name: str, holder: str, ttl_s: float) -> bool:
        """Renews the holder's lease; False when the lock is no longer its own."""

    @abstractmethod
    def release(self, name: str, holder: str) -> None:
        """Gives the lock back; that it is no longer the holder's is no error."""

    @abstractmethod
    def renew(self, node_id: str, ttl_s: float) -> None:
        """The node answers; it counts as alive for so long."""

    @abstractmethod
    def alive(self) -> set[str]:
        """The nodes whose lease has not run out."""
