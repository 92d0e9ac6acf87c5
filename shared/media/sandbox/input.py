"""What ffmpeg and PyAV may open for a source: one file, or one URL, in the containers that we take."""

import os

# Containers that people upload. Playlists and scripts (HLS, DASH, ffconcat, SDP, SVG …) open other files: never.
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,avi,flv,asf,mpeg,ogg"
# The largest picture that is decoded: 8K. Above that, a header alone can make a decoder allocate gigabytes.
MAX_WIDTH, MAX_HEIGHT = 8192, 4320
MAX_PIXELS = MAX_WIDTH * MAX_HEIGHT
MAX_PICTURE = f"{MAX_WIDTH} x {MAX_HEIGHT}"  # for error messages


def is_url(source: str) -> bool:
    """Whether `source` is the URL of our own reader of the object store, not a path."""
    return source.startswith("http://")


def protocols(source: str) -> str:
    """The protocols that may be opened for `source` or ranges of it: only files, or only HTTP."""
    return "http,tcp,subfile,concat" if is_url(source) else "file,subfile,concat"


def safe_name(source: str) -> str:
    """`source` written so that no part of it can be read as an option or as a protocol."""
    return source if is_url(source) else f"file:{os.path.abspath(source)}"  # noqa: PTH100 - a string stays a string


def range_name(source: str, start: int, end: int, head: int) -> str:
    """The bytes `start` to `end` of `source`, behind its first `head` bytes, as a file of their own.

    The name of the file must hold no "|" where there is a head: FFmpeg splits at it.
    """
    body = f"subfile,,start,{start},end,{end},,:{safe_name(source)}"
    return f"concat:subfile,,start,0,end,{head},,:{safe_name(source)}|{body}" if head else body


def input_options(source: str) -> dict[str, str]:
    """The demuxer options that keep it to this one source, by name without the dash."""
    return {"protocol_whitelist": protocols(source), "format_whitelist": FORMATS}
