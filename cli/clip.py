"""The clip that the demo uploads when it is given none: moving picture and a tone, made once and kept in the cache."""

import os
import subprocess
from pathlib import Path

from cli.errors import CliError
from cli.paths import cache_dir

SECONDS = 20
# A change of the recipe changes the name, so an old clip is not taken for the new one.
NAME = "wadi-sample-1.mp4"
RECIPE = [
    *("-f", "lavfi", "-i", f"testsrc2=size=1920x1080:rate=30:duration={SECONDS}"),
    *("-f", "lavfi", "-i", f"sine=frequency=330:beep_factor=4:sample_rate=48000:duration={SECONDS}"),
    *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "25", "-g", "60", "-pix_fmt", "yuv420p"),
    *("-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", "-f", "mp4"),
]


def sample_clip() -> Path:
    file = cache_dir() / NAME
    if not file.exists():
        _make(file)
    return file


def _make(file: Path) -> None:
    from shared.media.sandbox.ffmpeg import ffmpeg_path

    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [ffmpeg_path(), "-nostdin", "-v", "error", *RECIPE, "-y", str(temporary)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise CliError(f"The sample clip could not be made: {lines[-1]}", hint="Name a file: wadi demo FILE")
        temporary.replace(file)
    except OSError as error:
        raise CliError(f"The sample clip cannot be written to {file.parent}: {error.strerror}.") from None
    finally:
        temporary.unlink(missing_ok=True)
