"""An image as one tar, as `docker load` and `ctr images import` take it: a manifest.json, a configuration, and a tar a
layer, none of them compressed."""

import json
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple


class Contents(NamedTuple):
    reference: str
    config: dict[str, Any]
    layers: list[str]  # members of the archive, from the lowest up


def read(archive: Path) -> Contents:
    with tarfile.open(archive) as tar:
        (found,) = json.loads(_text(tar, "manifest.json"))
        (reference,) = found["RepoTags"]
        return Contents(reference, json.loads(_text(tar, found["Config"])), found["Layers"])


def files(archive: Path) -> Iterator[tuple[tarfile.TarInfo, IO[bytes] | None]]:
    """Every entry of the image's root file system, from the lowest layer up. Nothing is ever removed by a later
    layer: each of ours only adds."""
    with tarfile.open(archive) as tar:
        for name in read(archive).layers:
            layer = tar.extractfile(name)
            assert layer is not None
            with tarfile.open(fileobj=layer) as inner:
                for entry in inner:
                    yield entry, inner.extractfile(entry) if entry.isfile() else None


def unpack(archive: Path, into: Path) -> None:
    """The root file system, with its owners where root does it."""
    with tarfile.open(archive) as tar:
        for name in read(archive).layers:
            layer = tar.extractfile(name)
            assert layer is not None
            with tarfile.open(fileobj=layer) as inner:
                inner.extractall(into, numeric_owner=True, filter="fully_trusted")  # noqa: S202 - we made it


def compressed_size(archive: Path) -> int:
    """Bytes of the layers as a registry stores them, so what a node fetches."""
    total = 0
    with tarfile.open(archive) as tar:
        for name in read(archive).layers:
            layer = tar.extractfile(name)
            assert layer is not None
            squeeze = zlib.compressobj(6, wbits=31)
            while piece := layer.read(1 << 20):
                total += len(squeeze.compress(piece))
            total += len(squeeze.flush())
    return total


def _text(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()
