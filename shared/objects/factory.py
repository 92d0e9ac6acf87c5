"""From a node's row to its store."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.objects.base import ObjectStore


def open_store(node_id: str, kind: str, location: str, options: Mapping[str, Any] | None = None) -> ObjectStore:
    """The store of a node; nothing is asked of it yet. Raises ConfigError."""
    if kind == "s3":
        from shared.objects.s3.store import S3Store

        return S3Store(node_id, location, options)
    from shared.objects.directory import DirectoryStore

    return DirectoryStore(node_id, Path(location))


def create_store(node_id: str, kind: str, location: str, options: Mapping[str, Any] | None = None) -> ObjectStore:
    """Makes a place a node: writes into it who it is. Raises NodeUnavailable (of another node, too), ConfigError."""
    if kind == "s3":
        from shared.objects.s3.store import S3Store

        return S3Store.create(node_id, location, options)
    from shared.objects.directory import DirectoryStore

    return DirectoryStore.create(node_id, Path(location))


def identity_of(kind: str, location: str, options: Mapping[str, Any] | None = None) -> str | None:
    """The id of the node that a place says it is, or None when it is none. Raises NodeUnavailable, ConfigError."""
    if kind == "s3":
        from shared.objects.s3 import store as s3

        return s3.identity(location, options)
    from shared.objects import directory

    return directory.identity(Path(location))
