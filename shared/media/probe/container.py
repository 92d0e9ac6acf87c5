"""Open a user's file with PyAV, guarded, and say in words why one cannot be opened."""

from collections.abc import Iterator
from contextlib import contextmanager

import av
import av.error
from av.container import InputContainer

from shared.media.errors import MediaError
from shared.media.model import Span
from shared.media.mp4 import top_level_types
from shared.media.probe.byte_reader import ByteReader
from shared.media.sandbox.input import MAX_PIXELS, input_options, range_name, safe_name

UNKNOWN_FORMAT = (
    "This is not a video file that Wadi knows; "
    "it takes MP4, MOV, MKV, WebM, MPEG-TS, MPEG, AVI, FLV, WMV and Ogg files."
)
# Text files that make a demuxer open other files, by how they begin.
SCRIPTS = {
    b"#EXTM3U": "an HLS playlist",
    b"ffconcat": "a concat script",
    b"v=0": "an SDP description",
    b"<MPD": "a DASH manifest",
    b"<svg": "an SVG drawing",
}
EBML_MAGIC = b"\x1aE\xdf\xa3"  # Matroska and WebM begin with it


@contextmanager
def open_container(source: str, span: Span | None = None) -> Iterator[InputContainer]:
    """The container of `source`, or of a range of its bytes; a demuxer can reach nothing but `source`.

    Raises MediaError when it is no video.
    """
    reader = ByteReader(source)
    _reject_scripts(reader)
    try:
        container = av.open(
            range_name(source, *span) if span else safe_name(source),
            mode="r",
            options={**input_options(source), "max_pixels": str(MAX_PIXELS)},
            metadata_errors="ignore",
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(_why_not_opened(reader)) from error
    with container:
        yield container


def _reject_scripts(reader: ByteReader) -> None:
    if reader.size == 0:
        raise MediaError("The file is empty.")
    head = reader.read(0, 4096)
    for mark, name in SCRIPTS.items():
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(mark) or (mark.startswith(b"<") and mark in head):
            raise MediaError(f"This is {name}, not a video file: upload the video itself.")


def _why_not_opened(reader: ByteReader) -> str:
    types = top_level_types(reader)
    if types and types[0] in ("ftyp", "mdat", "wide", "free", "skip") and "moov" not in types:
        return "The file is incomplete: its index (the moov box) is missing, as after a broken recording or transfer."
    if types and "moov" in types:
        return "The file's index (the moov box) is damaged, so its video cannot be found."
    if reader.read(0, 8).startswith(EBML_MAGIC):
        return "The file's header is damaged, so its video cannot be found."
    return UNKNOWN_FORMAT
