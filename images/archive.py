"""OCI image layouts, in a folder and as the one tar that containerd imports."""

import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

REF = "org.opencontainers.image.ref.name"
IMPORTED_AS = "io.containerd.image.name"  # by default containerd would put a date before the name


class Contents(NamedTuple):
    reference: str
    config: dict[str, Any]
    layers: list[str]  # members of the archive


def write(layout: Path, name: str, reference: str, into: Path) -> None:
    """The image that `layout` has under `name`, with its layers, as an archive. Whole or absent."""
    index = json.loads((layout / "index.json").read_text())
    found = next(one for one in _named(index) if one["annotations"][REF] == name)
    found["annotations"] = {REF: reference, IMPORTED_AS: reference}
    half = into.with_name(f"{into.name}.half")
    with tarfile.open(half, "w") as tar:
        for text, member in (((layout / "oci-layout").read_bytes(), "oci-layout"), (_json(index, found), "index.json")):
            entry = tarfile.TarInfo(member)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
        for blob in _blobs(layout, found["digest"]):
            tar.add(layout / blob, blob)
    half.rename(into)


def forget_unused(layout: Path) -> None:
    """Removes the blobs of images that have lost their name to a newer one."""
    index = json.loads((layout / "index.json").read_text())
    named = _named(index)
    used = {blob for one in named for blob in _blobs(layout, one["digest"])}
    for file in (layout / "blobs" / "sha256").iterdir():
        if f"blobs/sha256/{file.name}" not in used:
            file.unlink()
    (layout / "index.json").write_bytes(json.dumps(index | {"manifests": named}).encode())


def read(archive: Path) -> Contents:
    with tarfile.open(archive) as tar:
        index = json.loads(_text(tar, "index.json"))
        (found,) = index["manifests"]
        manifest = json.loads(_text(tar, _path(found["digest"])))
        config = json.loads(_text(tar, _path(manifest["config"]["digest"])))
    return Contents(found["annotations"][REF], config, [_path(layer["digest"]) for layer in manifest["layers"]])


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


def _named(index: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that have not lost their name to a newer one."""
    return [one for one in index["manifests"] if REF in one.get("annotations", {})]


def _json(index: dict[str, Any], only: dict[str, Any]) -> bytes:
    return json.dumps(index | {"manifests": [only]}).encode()


def _blobs(layout: Path, digest: str) -> list[str]:
    manifest = json.loads((layout / _path(digest)).read_text())
    return [_path(digest), *(_path(one["digest"]) for one in (manifest["config"], *manifest["layers"]))]


def _path(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _text(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()
