"""Where nodes are: the locations that the settings name, and the directories of this machine.

The settings name the first ones: buckets (AWS_S3_BUCKET), or directories (WADI_NODES, or three under WADI_DATA). Each
location carries its node's id in itself, so a disk may be mounted elsewhere and is still the same node.
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from shared.config import setting
from shared.objects import NodeUnavailable
from shared.objects.directory import DirectoryStore, identity
from shared.objects.durable import make_folder, write_file

DEFAULT_NODES = 3

log = logging.getLogger("wadi.storage")


class NodeLocation(NamedTuple):
    """`kind` is directory or s3, `location` a path or s3://bucket/prefix, `options` those of the bucket."""

    kind: str
    location: str
    options: dict[str, Any]


def declared() -> list[NodeLocation]:
    """What the settings name, in order."""
    if setting("AWS_S3_BUCKET"):
        from shared.objects.s3.location import declared as buckets

        return [NodeLocation("s3", location, dict(options)) for location, options in buckets()]
    return [NodeLocation("directory", str(path), {}) for path in directories()]


def directories() -> list[Path]:
    """The directories that the settings name, in order; none when they name buckets."""
    if setting("AWS_S3_BUCKET"):
        return []
    named = [Path(part).expanduser().absolute() for part in setting("WADI_NODES").split(":") if part.strip()]
    if named:
        return list(dict.fromkeys(named))
    return [_data() / "objects" / f"node-{number}" for number in range(1, DEFAULT_NODES + 1)]


def local_stores() -> dict[str, DirectoryStore]:
    """The nodes that are directories of this machine right now, without asking the database."""
    found = {}
    for path in dict.fromkeys([*directories(), *_listed()]):
        try:
            node_id = identity(path)
        except NodeUnavailable as error:
            log.warning("%s", error)
            continue
        if node_id is not None:
            found[node_id] = DirectoryStore(node_id, path)
    return found


def list_directories(paths: Iterable[Path]) -> None:
    """Writes down the directories that became nodes later, for the object server, which asks no database."""
    later = sorted(set(paths) - set(directories()))
    if later != _listed():
        make_folder(_data())
        write_file(_data() / "nodes.list", "".join(f"{path}\n" for path in later))


def _listed() -> list[Path]:
    try:
        return [Path(line) for line in (_data() / "nodes.list").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _data() -> Path:
    return Path(setting("WADI_DATA")).expanduser().absolute()
