"""Where ffmpeg is, and how it is run on a stranger's file."""

import functools
import os
import re
import shutil

from shared.media.errors import EncodeTrouble
from shared.media.sandbox.child import Ended, Limits, run

# Containers that a person uploads. Playlists and scripts (HLS, DASH, ffconcat, SDP, SVG …) open other files: never.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi,flv,asf,mpeg,ogg"
# Of one picture: 8192 x 4320, the most that H.264 knows. Beyond it a header costs gigabytes.
MAX_PIXELS = 8192 * 4320


@functools.cache
def ffmpeg_path() -> str:
    """WADI_FFMPEG when set, else the system's when it can do what is needed, else the imageio-ffmpeg wheel's."""
    if named := os.environ.get("WADI_FFMPEG"):
        if found := shutil.which(named):
            return found
        raise EncodeTrouble(f"WADI_FFMPEG names {named}, which is not a program")
    if (system := shutil.which("ffmpeg")) and _serves(system):
        return system
    import imageio_ffmpeg  # type: ignore[import-untyped]  # only here: importing it costs 50 ms

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _serves(program: str) -> bool:
    """Some systems' ffmpeg is older than 5.1, or built without an H.264 encoder."""
    black = ["-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-fps_mode", "passthrough", "-c:v", "libx264"]
    limits = Limits(cpu_seconds=60, wall_seconds=30.0)
    return run([program, "-nostdin", "-v", "error", *black, "-f", "null", "-"], limits).code == 0


def is_address(source: str) -> bool:
    return source.startswith("http://")


def protocols(source: str) -> str:
    """What may be opened for `source`: files, or nothing but HTTP for the one URL that leads through us."""
    return "http,tcp" if is_address(source) else "file"


def located(source: str) -> str:
    """`source` so that no part of it can be read as an option or a protocol."""
    return source if is_address(source) else f"file:{os.path.abspath(source)}"  # noqa: PTH100 - a string stays a string


def input_guard(source: str) -> dict[str, str]:
    """The options that keep a demuxer to the one file it was given."""
    return {"protocol_whitelist": protocols(source), "format_whitelist": FORMATS}


def input_arguments(source: str, *before: str) -> list[str]:
    guard = [word for name, value in input_guard(source).items() for word in (f"-{name}", value)]
    return [*guard, *before, "-i", located(source)]


def run_ffmpeg(arguments: list[str], limits: Limits) -> Ended:
    return run([ffmpeg_path(), "-nostdin", "-hide_banner", "-v", "error", "-max_error_rate", "1", *arguments], limits)


def last_words(ended: Ended) -> str:
    """The last line of complaint, without addresses of memory and paths of ours."""
    lines = [line for line in ended.complaint.splitlines() if line.strip()]
    said = re.sub(r"\[[^]]* @ 0x[0-9a-f]+\]\s*|file:\S*/", "", lines[-1]) if lines else f"exit code {ended.code}"
    return said.strip()
