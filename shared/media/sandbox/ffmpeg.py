"""Where ffmpeg is, and how it is run on a user's file."""

import functools
import os
import re
import shutil
import subprocess

from shared.media.errors import EncodeError
from shared.media.sandbox.process import Exit, Limits, SandboxedProcess, run

QUIET = ("-nostdin", "-v", "error")
TRIAL = Limits(cpu_seconds=60, wall_seconds=30.0)


# The libav that the wheel of `av` has, which probes and plans (major and minor versions; a test compares them). What it
# reads, ffmpeg has to decode: an older one may lack the decoder, or the container's newer tags, and show nothing.
NEEDED = {"libavcodec": (62, 28), "libavformat": (62, 12), "libavfilter": (11, 14)}
# Decoders that some systems' ffmpeg is built without. AV1 is decoded by libdav1d: the one named av1 needs a GPU.
DECODERS = {"h264", "hevc", "vvc", "vp8", "vp9", "libdav1d", "mpeg2video", "mpeg4", "prores"}
# `libavcodec      62. 28.102 / 62. 28.102`: built with / running with
LIBRARY = re.compile(r"^(lib\w+)\s+\d+\.\s*\d+\.\s*\d+ /\s*(\d+)\.\s*(\d+)\.", re.MULTILINE)


@functools.cache
def ffmpeg_path() -> str:
    """WADI_FFMPEG when set, else the system's when it can do what is needed, else the imageio-ffmpeg wheel's.

    Raises EncodeError when WADI_FFMPEG names no program, or one that is older than the libav that probes.
    """
    if named := os.environ.get("WADI_FFMPEG"):
        found = shutil.which(named)
        if found is None:
            raise EncodeError(f"WADI_FFMPEG names {named}, which is not a program")
        if older := _older(found):
            raise EncodeError(
                f"WADI_FFMPEG names {named}, which has {older}: videos that are recognized would not be decoded; "
                "name a newer ffmpeg, or unset WADI_FFMPEG for the one that comes with Wadi"
            )
        return found
    if (system := shutil.which("ffmpeg")) and not _older(system) and _can_do_what_is_needed(system):
        return system
    import imageio_ffmpeg  # type: ignore[import-untyped]  # only here: importing it costs 50 ms

    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _older(program: str) -> str:
    """Which libraries of an ffmpeg are older than needed, in words; "" when none is."""
    found = {name: (int(major), int(minor)) for name, major, minor in LIBRARY.findall(_said(program, "-version"))}
    if not found.keys() >= NEEDED.keys():
        return "no `ffmpeg -version` that names its libraries"
    older = [name for name, needed in NEEDED.items() if found[name] < needed]
    return ", ".join(f"{name} {_dotted(found[name])}, older than {_dotted(NEEDED[name])}" for name in older)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _can_do_what_is_needed(program: str) -> bool:
    """Some systems' ffmpeg is built without an H.264 encoder, or without decoders."""
    decoders = {line.split()[1] for line in _said(program, "-decoders").splitlines() if len(line.split()) > 1}
    black = ["-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-fps_mode", "passthrough", "-c:v", "libx264"]
    return decoders >= DECODERS and run([program, *QUIET, *black, "-f", "null", "-"], TRIAL).code == 0


def _said(program: str, question: str) -> str:
    process = SandboxedProcess([program, "-hide_banner", question], TRIAL)
    said = b"".join(process.lines()).decode(errors="replace")
    process.wait()
    return said


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
