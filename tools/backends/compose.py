"""Whether a compose file is one: read by the library that Docker Compose itself reads it with."""

import hashlib
import subprocess
from pathlib import Path

from tools.backends import golang
from tools.backends.cache import kept

SOURCE = Path(__file__).parent / "go" / "compose"


def install() -> Path:
    pinned = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir()))).hexdigest()[:12]
    return kept(f"compose-{pinned}", lambda folder: golang.build("The compose check", SOURCE, folder)) / "compose"


def problem(file: Path) -> str:
    """What is wrong with the file; "" when nothing is."""
    ended = subprocess.run([install(), file], capture_output=True, text=True, check=False)
    return "" if ended.returncode == 0 else ended.stderr.strip() or f"the check ended with {ended.returncode}"
