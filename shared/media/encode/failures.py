"""What the exit of an encoding ffmpeg means: a failure of ours, another file, or only damage in the source."""

import re

from shared.media.errors import EncodeError, MediaError
from shared.media.model import SourceInfo
from shared.media.sandbox.ffmpeg import last_error_line
from shared.media.sandbox.input import safe_name
from shared.media.sandbox.process import Exit

WALL_SECONDS = 3600.0  # that a segment may take
# What ffmpeg says when a source has nothing (more) to decode, in lower case.
DAMAGED_SOURCE = (
    "invalid data found",
    "error while decoding",
    "error submitting packet",
    "nothing was written",
    "no packets",
    "end of file",
)
NO_DECODER = re.compile(r"Decoder .* not found|Unknown decoder|no decoder (could be )?found", re.IGNORECASE)
CODEC_NAMES = {
    "av1": "AV1",
    "h264": "H.264",
    "hevc": "HEVC (H.265)",
    "mpeg4": "MPEG-4 Part 2",
    "prores": "ProRes",
    "vp8": "VP8",
    "vp9": "VP9",
    "vvc": "VVC (H.266)",
}


def check_exit(exited: Exit, source: str, index: int, info: SourceInfo) -> None:
    """Raises EncodeError for a failure of ours. Damage in the source is none: the frames are counted instead.

    Raises MediaError when `source` is not the file that was planned. `index` is that of the segment.
    """
    if exited.timed_out:
        raise EncodeError(f"Segment {index} took longer than {WALL_SECONDS:.0f} s")
    if "No space left on device" in exited.stderr:
        raise EncodeError("The disk is full")
    if exited.out_of_memory:
        raise EncodeError("There was not enough memory to encode this")
    if exited.code < 0:
        raise EncodeError(f"ffmpeg was killed by signal {-exited.code}")
    if exited.code and _is_other_file(exited, source):
        raise MediaError("The file is no longer the video that was planned.")
    if exited.code and NO_DECODER.search(exited.stderr):
        raise MediaError(f"The video is in {codec_name(info)}, which this ffmpeg cannot decode: use a newer one.")
    if exited.code and not _is_damaged_source(exited):
        raise EncodeError(f"ffmpeg failed: {last_error_line(exited)}")


def codec_name(info: SourceInfo) -> str:
    """As people know it: "HEVC (H.265)"."""
    return CODEC_NAMES.get(info.video_codec, info.video_codec)


def _is_other_file(exited: Exit, source: str) -> bool:
    """ffmpeg could not even open it. Versions since 5.1 word that differently."""
    said = exited.stderr
    not_opened = "Error opening input" in said or f"{safe_name(source)}: Invalid data found" in said
    return "not on whitelist" in said or (not_opened and "Invalid data found" in said)


def _is_damaged_source(exited: Exit) -> bool:
    said = exited.stderr.lower()
    return any(message in said for message in DAMAGED_SOURCE)
