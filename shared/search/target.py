"""What a rebuild of the index writes to (shared/search/rebuild.py), per engine."""

from abc import ABC, abstractmethod

from shared.db import Transaction
from shared.search.base import Document


class RebuildUnderWay(Exception):
    """Another rebuild is at it."""


class Target(ABC):
    """An index that is being rebuilt."""

    @abstractmethod
    def start(self) -> None:
        """From here on no write is lost. Raises RebuildUnderWay."""

    @abstractmethod
    def add(self, tx: Transaction, documents: list[Document]) -> None:
        """Puts documents whose videos are locked."""

    @abstractmethod
    def finish(self) -> str:
        """What was rebuilt is what is searched, and nothing else is left; its name."""

    @abstractmethod
    def give_up(self) -> None:
        """All is as if it had not been started."""
