"""Makes OCI archives of images/Dockerfile, with buildah and nothing from a registry.

Steps that were done once are kept under ~/.cache/wadi/images, as are the layers: a change of our own code is copied
and compiled, and nothing else is done again. Nothing changed: nothing is done.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from images import archive, sbom

ROOT = Path(__file__).parent.parent
DOCKERFILE = Path(__file__).parent / "Dockerfile"
TARGETS = ("api", "media")
# dev.local is what Knative never asks a registry about
NAME = "dev.local/wadi/{target}"
BASE, SUITE = "dev.local/wadi/debian:base", "bookworm"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LONGEST = 1200.0  # seconds for everything from nothing: about 100 on two idle cores


class ImageError(Exception):
    """One line that says why there are no images."""


class Image(NamedTuple):
    reference: str  # as a manifest names it
    archive: Path  # for `ctr -n k8s.io images import`; what is in it is beside it, in NAME.cdx.json


def build(folder: Path, *, fresh: bool = False) -> dict[str, Image]:
    """The images by the name of their target, in `folder`; `fresh` begins with today's packages of Debian."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = _inputs()
    if not fresh and (there := _there(folder, wanted)):
        return there
    with _alone() as store:
        buildah = Buildah(store)
        if fresh:
            buildah.forget()
        buildah.require_base()
        made = {target: _archived(buildah, target, folder) for target in TARGETS}
        archive.forget_unused(buildah.layout)
    for image in made.values():
        sbom.write(image.archive, image.reference, image.archive.with_suffix(".cdx.json"))
    state = {"inputs": wanted, "references": {target: image.reference for target, image in made.items()}}
    (folder / "images.json").write_text(json.dumps(state, indent=2))
    return made


def _inputs() -> str:
    """A hash over all that goes into the images: what .dockerignore lets pass, and how it is put together."""
    beside = ("Dockerfile", "rootfs.py", "api.lock", "media.lock", "builder.py", "archive.py", "sbom.py")
    files = [Path(__file__).parent / name for name in beside]
    for name in ("shared", "events", "functions", "cli"):
        files += (file for file in (ROOT / name).rglob("*") if "__pycache__" not in file.parts and file.is_file())
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file.relative_to(ROOT)}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _there(folder: Path, wanted: str) -> dict[str, Image] | None:
    try:
        state = json.loads((folder / "images.json").read_text())
    except (OSError, ValueError):
        return None
    made = {target: Image(name, _path(folder, target)) for target, name in state["references"].items()}
    whole = all(image.archive.exists() for image in made.values())
    return made if state["inputs"] == wanted and whole else None


def _path(folder: Path, target: str) -> Path:
    return folder / f"{target}.tar"


def _archived(buildah: "Buildah", target: str, folder: Path) -> Image:
    name = buildah.build(target)
    reference = f"{NAME.format(target=target)}:{name[:12]}"
    layout = buildah.exported(name, target)
    archive.write(layout, target, reference, _path(folder, target))
    return Image(reference, _path(folder, target))


@contextmanager
def _alone() -> Iterator[Path]:
    """The folder of what is kept; a second caller waits for the first."""
    if os.geteuid() != 0:
        raise ImageError(
            "Images without a registry are made by root only; anyone builds them with docker: docs/deploy/images.md."
        )
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    store = Path(base) / "wadi" / "images"
    store.mkdir(parents=True, exist_ok=True)
    with (store / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield store


class Buildah:
    """buildah with a store of its own, so that neither its images nor its settings meet the user's."""

    def __init__(self, store: Path) -> None:
        for program in ("buildah", "debootstrap"):
            if shutil.which(program) is None:
                raise ImageError(f"Images cannot be made: {program} is missing (apt-get install buildah debootstrap).")
        self.store = store
        self.layout = store / "layout"

    def forget(self) -> None:
        """Every step that was kept. Nothing less is ever removed: the stages that the images are copied from have no
        name, so what prunes images takes them, and the next build does all of their steps again. A change of the code
        adds a few megabytes to what is kept."""
        self._run("rmi", "--all", "--force")

    def require_base(self) -> None:
        """What stands for debian:bookworm-slim: a Debian of its packages alone."""
        if self._run("images", "--quiet", "--filter", f"reference={BASE}"):
            return
        with tempfile.TemporaryDirectory(dir=self.store, prefix="base-") as made:
            root = Path(made) / "root"
            self._command("debootstrap", "--variant=minbase", SUITE, str(root))
            sources = root / "etc/apt/sources.list"
            mirror = sources.read_text().split()[1]
            updates = (f"{mirror} {SUITE}-updates", f"{mirror}-security {SUITE}-security")
            sources.write_text(f"deb {mirror} {SUITE} main\n" + "".join(f"deb {line} main\n" for line in updates))
            container = self._run("from", "--quiet", "scratch")
            self._run("add", "--quiet", container, str(root), "/")
            self._run("commit", "--quiet", "--rm", container, BASE)

    def build(self, target: str) -> str:
        """The id of the image: the digest of its configuration, so of all that is in it."""
        options = ["--isolation", "chroot", "--pull-never", "--layers", "--quiet", "--build-arg", f"BASE={BASE}"]
        if CERTIFICATES.exists():  # a machine behind a proxy with a certificate of its own has it in there
            options += ["--secret", f"id=ca,src={CERTIFICATES}", "--build-arg", "PIP_CERT=/run/secrets/ca"]
        name = NAME.format(target=target)
        self._run("build", *options, "--file", str(DOCKERFILE), "--target", target, "--tag", name, str(ROOT))
        return self._run("images", "--quiet", "--no-trunc", name).removeprefix("sha256:")

    def exported(self, name: str, target: str) -> Path:
        """An OCI layout that has the image under the name of its target. A layer that is there is not written again;
        none is compressed, which would take longer than all else."""
        self._run("push", "--quiet", "--disable-compression", name, f"oci:{self.layout}:{target}")
        return self.layout

    def _run(self, *arguments: str) -> str:
        places = ("--root", str(self.store / "storage"), "--runroot", str(self.store / "run"))
        return self._command("buildah", *places, *arguments)

    def _command(self, *command: str) -> str:
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=LONGEST
            )
        except subprocess.TimeoutExpired as error:
            raise ImageError(f"Images cannot be made: {command[0]} took longer than {LONGEST:.0f} s.") from error
        if ended.returncode != 0:
            lines = [line.strip() for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
            raise ImageError(f"Images cannot be made: {command[0]}: {' / '.join(lines[-3:]) or 'it said nothing'}")
        return ended.stdout.strip()
