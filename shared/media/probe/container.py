"""Open a stranger's file with PyAV, guarded, and say in words why one cannot be opened.

Imported only in the child process of `worker.py`: `import av` costs 80 ms and its decoders can crash.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction

import av
import av.error
from av.container import InputContainer

from shared.media.errors import MediaError
from shared.media.mp4.boxes import top_level_types
from shared.media.probe.sniff import Peek
from shared.media.sandbox.ffmpeg import MAX_PIXELS, input_guard, located

UNKNOWN = (
    "This is not a video file that Wadi knows; "
    "it takes MP4, MOV, MKV, WebM, MPEG-TS, MPEG, AVI, FLV, WMV and Ogg files."
)
SCRIPTS = {
    b"#EXTM3U": "an HLS playlist",
    b"ffconcat": "a concat script",
    b"v=0": "an SDP description",
    b"<MPD": "a DASH manifest",
    b"<svg": "an SVG drawing",
}


@contextmanager
def opened(source: str) -> Iterator[InputContainer]:
    """The container of `source`, with nothing but `source` reachable."""
    peek = Peek(source)
    _refuse_what_is_no_video(peek)
    try:
        container = av.open(
            located(source),
            mode="r",
            options={**input_guard(source), "max_pixels": str(MAX_PIXELS)},
            metadata_errors="ignore",
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(_why_not(peek)) from error
    with container:
        yield container


def _refuse_what_is_no_video(peek: Peek) -> None:
    if peek.size == 0:
        raise MediaError("The file is empty.")
    head = peek.read(0, 4096)
    for mark, name in SCRIPTS.items():
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(mark) or (mark.startswith(b"<") and mark in head):
            raise MediaError(f"This is {name}, not a video file: upload the video itself.")


def _why_not(peek: Peek) -> str:
    types = top_level_types(peek)
    if types and types[0] in ("ftyp", "mdat", "wide", "free", "skip") and "moov" not in types:
        return "The file is incomplete: its index (the moov box) is missing, as after a broken recording or transfer."
    if types and "moov" in types:
        return "The file's index (the moov box) is damaged, so its video cannot be found."
    if peek.read(0, 8).startswith(b"\x1aE\xdf\xa3"):
        return "The file's header is damaged, so its video cannot be found."
    return UNKNOWN


def fraction(value: Fraction | None, otherwise: Fraction = Fraction(0)) -> Fraction:
    return Fraction(value) if value else otherwise
