"""An image of one program, as a file that containerd imports: there is no registry to push it to.

The file is an OCI image layout in a tar. The program is static, so it is all there is in the image, and the image's
name is what the file calls itself: nothing is looked up anywhere.
"""

import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path
from typing import Any

USER = 65532
PATH = "/ko-app"  # where the images of Knative's releases have their programs


def of_program(program: Path, reference: str, into: Path) -> Path:
    """The archive; byte for byte the same for the same program, and left alone where it is there already."""
    if into.exists():
        return into
    layer = _layer(program)
    config = _json(
        {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine()),
            "os": "linux",
            "config": {"User": f"{USER}:{USER}", "Entrypoint": [f"{PATH}/{program.name}"], "Env": ["PATH=/"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _described("application/vnd.oci.image.config.v1+json", config),
            "layers": [_described("application/vnd.oci.image.layer.v1.tar", layer)],
        }
    )
    named = {"annotations": {"io.containerd.image.name": reference}}
    index = _json(
        {
            "schemaVersion": 2,
            "manifests": [_described("application/vnd.oci.image.manifest.v1+json", manifest) | named],
        }
    )
    half = into.with_suffix(".half")
    with tarfile.open(half, "w") as archive:
        _add(archive, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(archive, "index.json", index)
        for blob in (layer, config, manifest):
            _add(archive, f"blobs/{_digest(blob).replace(':', '/')}", blob)
    half.rename(into)
    return into


def _layer(program: Path) -> bytes:
    """Not compressed: it goes from one folder of this machine to another."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(temporary)
        _add(archive, f"{PATH.lstrip('/')}/{program.name}", program.read_bytes(), mode=0o755)
    return out.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), mode
    archive.addfile(about, io.BytesIO(content))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}
