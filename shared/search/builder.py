"""The port of a rebuild (shared/search/rebuild.py): builds a new index from documents. One class for each engine."""

from abc import ABC, abstractmethod

from shared.db import Transaction
from shared.search.base import Document


class RebuildUnderWay(Exception):
    """Another rebuild is running."""


class IndexBuilder(ABC):
    """An index that is being rebuilt."""

    @abstractmethod
    def is_outdated(self, tx: Transaction) -> bool:
        """Whether part of the searched index has words of another version (shared/search/document.py)."""

    @abstractmethod
    def start(self) -> None:
        """From here on every write to the index reaches the new one too. Raises RebuildUnderWay."""

    @abstractmethod
    def add(self, tx: Transaction, documents: list[Document]) -> None:
        """Adds documents whose videos are locked in `tx`."""

    @abstractmethod
    def finish(self) -> str:
        """Replaces the searched index by the new one and deletes the old one; returns the name of the new one."""

    @abstractmethod
    def abort(self) -> None:
        """Removes what was built; the searched index stays as it is."""
