"""Runs the command line as its users do: a process of its own, with a home of its own."""

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.media.sandbox.ffmpeg import ffmpeg_path

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """stdout as --json promises it: every line an object."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class User:
    """Someone with a home directory, at a server; at none, it is the platform of their data directory."""

    home: Path
    server: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        cleared = {k: v for k, v in os.environ.items() if not k.startswith(("WADI_", "XDG_"))}
        return cleared | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "WADI_DATA": str(self.home / "data"),
            **({"WADI_URL": self.server} if self.server else {}),
            "PYTHONPATH": str(ROOT),
            "BCRYPT_COST": "10",  # the lowest that is allowed
            "COLUMNS": "100",
            **self.extra,
        }

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        command = [sys.executable, "-P", "-m", "cli", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=self.environment, cwd=self.home, text=True, **(pipes | options))

    def wadi(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> Ended:
        options = {"stdin": subprocess.PIPE} if stdin is not None else {}
        with self.start(*arguments, **options) as process:
            try:
                out, err = process.communicate(stdin, timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return Ended(process.returncode, out, err)


def free_port() -> int:
    """A port that stays the same when the platform is started again."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def small_clip(file: Path) -> Path:
    """Two seconds of small moving picture with a tone."""
    picture = ["-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=2"]
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([ffmpeg_path(), "-v", "error", *picture, *tone, *coding, str(file)], check=True)
    return file
