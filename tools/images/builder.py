"""Makes the images of tools/images/Dockerfile as archives, with buildah and nothing from a registry.

Steps that were done once are kept under ~/.cache/wadi/images: a change of our own code is copied and compiled, and no
other step is done again. Nothing changed: nothing is done.

    FOLDER/api.tar, media.tar   the images
          /*.cdx.json           what is in them
          /images.json          what they were made from; there only while all of them are whole and belong together
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
from typing import IO, NamedTuple

from tools.images import sbom

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ("api", "media")
# What the targets copy from. They have names too, for what has none is thrown away.
STAGES = ("system", "api-packages", "media-packages", "code")
# dev.local is what Knative never asks a registry about
NAME = "dev.local/wadi/{target}"
BASE, SUITE = "dev.local/wadi/debian:base", "bookworm"
PROGRAMS = ("buildah", "debootstrap")
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
LONGEST = 1200.0  # seconds for one command: the longest took 80 on two busy cores


class ImageError(Exception):
    """One line that says why there are no images."""


class Image(NamedTuple):
    reference: str  # as a manifest names it
    archive: Path

    @property
    def bill(self) -> Path:
        """What is in it."""
        return self.archive.with_suffix(".cdx.json")


def build(folder: Path, *, fresh: bool = False) -> dict[str, Image]:
    """The images by the name of their target, in `folder`; `fresh` begins with today's packages of Debian."""
    try:
        with _locked() as (store, lock):
            folder.mkdir(parents=True, exist_ok=True)
            wanted = _inputs()
            return (None if fresh else _there(folder, wanted)) or _made(folder, wanted, Buildah(store, lock), fresh)
    except OSError as error:
        raise ImageError(f"Images cannot be made: {error.filename or folder}: {error.strerror}.") from error


def _made(folder: Path, wanted: str, buildah: "Buildah", fresh: bool) -> dict[str, Image]:
    state = folder / "images.json"
    state.unlink(missing_ok=True)  # ended in the middle, one image is new and the other is not
    buildah.clear()
    if fresh:
        buildah.forget()
    buildah.require_base()
    for stage in STAGES:
        buildah.build(stage)
    made = {target: _image(buildah, target, folder) for target in TARGETS}
    buildah.prune()
    for image in made.values():
        with _whole(image.bill) as half:
            sbom.write(image.archive, image.reference, half)
    references = {target: image.reference for target, image in made.items()}
    with _whole(state) as half:
        half.write_text(json.dumps({"inputs": wanted, "references": references}, indent=2))
    return made


def _image(buildah: "Buildah", target: str, folder: Path) -> Image:
    digest = buildah.build(target)
    image = Image(f"{NAME.format(target=target)}:{digest[:12]}", folder / f"{target}.tar")
    with _whole(image.archive) as half:
        buildah.export(digest, image.reference, half)
    return image


def _inputs() -> str:
    """A hash over all that goes into the images, and how it is put together."""
    files = [ROOT / ".dockerignore", ROOT / "pyproject.toml"]
    files += (file for file in (ROOT / "tools" / "images").iterdir() if file.is_file())
    for name in ("shared", "events", "functions", "cli"):
        files += (file for file in (ROOT / name).rglob("*") if "__pycache__" not in file.parts and file.is_file())
    digest = hashlib.sha256()
    for file in sorted(files):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(ROOT)}\0{file.stat().st_mode:o}\0{content}\n".encode())
    return digest.hexdigest()


def _there(folder: Path, wanted: str) -> dict[str, Image] | None:
    try:
        state = json.loads((folder / "images.json").read_text())
    except FileNotFoundError:
        return None
    made = {target: Image(name, folder / f"{target}.tar") for target, name in state["references"].items()}
    whole = all(file.exists() for image in made.values() for file in (image.archive, image.bill))
    return made if state["inputs"] == wanted and whole else None


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A name beside `file` to write to; it becomes `file` when all is written, and goes when something failed."""
    half = file.with_name(f"{file.name}.half")
    half.unlink(missing_ok=True)
    try:
        yield half
        half.rename(file)
    finally:
        half.unlink(missing_ok=True)


@contextmanager
def _locked() -> Iterator[tuple[Path, IO[str]]]:
    """The folder of what is kept, and its lock; a second caller waits for the first, and finds what that one made."""
    if os.geteuid() != 0:
        raise ImageError(
            "Images without a registry are made by root only; anyone builds them with docker: docs/deploy/images.md."
        )
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    store = Path(base) / "wadi" / "images"
    store.mkdir(parents=True, exist_ok=True)
    with (store / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield store, lock


class Buildah:
    """buildah with a store of its own, so that neither its images nor its settings meet the user's."""

    def __init__(self, store: Path, lock: IO[str]) -> None:
        for program in PROGRAMS:
            if shutil.which(program) is None:
                raise ImageError(f"Images cannot be made: {program} is missing (apt-get install buildah debootstrap).")
        self.store = store
        self.lock = lock

    def clear(self) -> None:
        """What a build that was killed has left: its containers, whose file systems are still mounted, and its base."""
        self._run("rm", "--all")
        for half in self.store.glob("base-*"):
            shutil.rmtree(half)

    def forget(self) -> None:
        """Every step that was kept."""
        self._run("rmi", "--all", "--force")

    def prune(self) -> None:
        """The steps that no stage and no image is made of any more."""
        self._run("rmi", "--prune")

    def require_base(self) -> None:
        """What stands for debian:bookworm-slim: a Debian of its packages alone."""
        if self._run("images", "--quiet", "--filter", f"reference={BASE}"):
            return
        with tempfile.TemporaryDirectory(dir=self.store, prefix="base-") as made:
            root = Path(made) / "root"
            # it mounts /proc in there: what is killed must not leave that where files are removed
            wanted = ("--variant=minbase", "--force-check-gpg", SUITE, str(root))
            self._command("unshare", "--mount", "debootstrap", *wanted)
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
        dockerfile = ROOT / "tools" / "images" / "Dockerfile"
        where = ("--file", str(dockerfile), "--target", target, "--tag", NAME.format(target=target))
        return self._run("build", *options, *where, str(ROOT))

    def export(self, digest: str, reference: str, into: Path) -> None:
        """Not as an OCI layout: buildah 1.28 compresses every layer of one again, each time. It takes twice as long."""
        self._run("push", "--quiet", digest, f"docker-archive:{into}:{reference}")

    def _run(self, *arguments: str) -> str:
        places = ("--root", str(self.store / "storage"), "--runroot", str(self.store / "run"))
        return self._command("buildah", *places, *arguments)

    def _command(self, *command: str) -> str:
        """It holds the lock as long as it runs: should we be killed, it is still at work in the store."""
        program = next(word for word in command if word in PROGRAMS)
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=LONGEST,
                pass_fds=[self.lock.fileno()],
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise ImageError(f"Images cannot be made: {program} took longer than {LONGEST:.0f} s.") from error
        if ended.returncode != 0:
            lines = [line.strip() for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
            raise ImageError(f"Images cannot be made: {program}: {' / '.join(lines[-3:]) or 'it said nothing'}")
        return ended.stdout.strip()
