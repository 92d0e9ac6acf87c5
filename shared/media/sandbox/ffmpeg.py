"""Where ffmpeg is, and how it is run on a user's file."""

import functools
import os
import re
import shutil
import subprocess

from shared.media.errors import EncodeError
from shared.media.sandbox.process import Exit, Limits, run


@functools.cache
def ffmpeg_path() -> str:
    """WADI_FFMPEG when set, else the system's when it can do what is needed, else the imageio-ffmpeg wheel's.

    Raises EncodeError when WADI_FFMPEG names no program.
    """
    if named := os.environ.get("WADI_FFMPEG"):
        if found := shutil.which(named):
            return found
        raise EncodeError(f"WADI_FFMPEG names {named}, which is not a program")
    if (system := shutil.which("ffmpeg")) and _is_usable(system):
        return system
    import imageio_ffmpeg  # type: ignore[import-untyped]  # only here: importing it costs 50 ms

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _is_usable(program: str) -> bool:
    """Some systems' ffmpeg is older than 5.1 (no -fps_mode), or built without an H.264 encoder."""
    black = ["-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-fps_mode", "passthrough", "-c:v", "libx264"]
    limits = Limits(cpu_seconds=60, wall_seconds=30.0)
    return run([program, "-nostdin", "-v", "error", *black, "-f", "null", "-"], limits).code == 0


def run_ffmpeg(arguments: list[str], limits: Limits, stdin: int = subprocess.DEVNULL) -> Exit:
    """Run ffmpeg to its end. -max_error_rate 1: damage in a source is not a failure, the frames are counted instead."""
    return run(
        [ffmpeg_path(), "-nostdin", "-hide_banner", "-v", "error", "-max_error_rate", "1", *arguments], limits, stdin
    )


def last_error_line(exited: Exit) -> str:
    """The last line on stderr, without memory addresses and without paths of this machine."""
    lines = [line for line in exited.stderr.splitlines() if line.strip()]
    if not lines:
        return f"exit code {exited.code}"
    return re.sub(r"\[[^]]* @ 0x[0-9a-f]+\]\s*|file:\S*/", "", lines[-1]).strip()
