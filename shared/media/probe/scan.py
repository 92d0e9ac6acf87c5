"""Read all packets of a source once, and decode a few pictures: everything that planning needs to know."""

from fractions import Fraction
from typing import cast

from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared.media.errors import MediaError
from shared.media.model import Ratio, ScanResult, SourceInfo
from shared.media.planning.frame_rate import last_duration, tidy_rate
from shared.media.probe.container import open_container
from shared.media.probe.packets import PacketScan
from shared.media.sandbox.input import MAX_PICTURE, MAX_PIXELS

SEEKABLE_FORMATS = {"mov", "mp4", "matroska", "webm"}
DISCONTINUOUS_FORMATS = {"mpegts", "mpeg"}  # the clock may jump where two recordings were joined
# ISO/IEC 23091-2 (coding-independent code points): transfer characteristics and matrix coefficients
HDR_TRANSFERS = {16: "pq", 18: "hlg"}
MATRIX_RGB = 0
MATRIX_UNSPECIFIED = 2


def scan(source: str) -> ScanResult:
    """Raises MediaError when the source has no video that can be decoded."""
    with open_container(source) as container:
        video = _video_stream(container)
        formats = set(container.format.name.split(","))
        found = PacketScan(container, video)
        pts = found.pts
        counted = (
            found.missing_timestamps
            or (found.clock_jumps and bool(formats & DISCONTINUOUS_FORMATS))
            or _reordered_without_timestamps(video, formats)
        )
        first = found.pictures[0]
        frame_rate = named = fraction(video.average_rate) or fraction(video.guessed_rate)
        time_base = Fraction(cast(Fraction, video.time_base))
        if counted:
            frame_rate = named.limit_denominator(100_000) if named else Fraction(25)
            time_base = 1 / frame_rate
            pts = list(range(len(found.pts)))
            keyframes, end = [], len(pts)
        else:
            pts = sorted(set(pts))  # of two pictures at one instant only one can be seen
            keyframes = sorted(found.keyframes)
            end = pts[-1] + last_duration(pts, found.last_duration, time_base, named)
            frame_rate = tidy_rate(len(pts) / ((end - pts[0]) * time_base), named)
        width, height = _display_size(first, video)
        info = SourceInfo(
            container=container.format.name,
            video_codec=video.codec_context.codec.name,
            width=width,
            height=height,
            rotation=round(-first.rotation / 90) % 4 * 90,
            time_base=Ratio.of(time_base),
            frame_rate=Ratio.of(frame_rate),
            container_start=(container.start_time or 0) / 1_000_000,  # AV_TIME_BASE: microseconds
            frames=len(pts),
            start_pts=pts[0],
            end_pts=end,
            interlaced=video.codec_context.field_order > 1 or any(p.interlaced_frame for p in found.pictures),
            hdr=HDR_TRANSFERS.get(first.color_trc, ""),
            seekable=bool(formats & SEEKABLE_FORMATS) and not counted,
            audio=found.audio,
            stream_index=video.index,
            counted=counted,
            first_picture=float((found.first_time or 0) * Fraction(cast(Fraction, video.time_base))),
            sample_format=first.format.name,
            untagged_matrix=_untagged_matrix(first, height),
        )
        return ScanResult(pts, keyframes, end, info)


def _video_stream(container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
                raise MediaError(
                    f"The picture is {stream.codec_context.width} x {stream.codec_context.height} pixels, "
                    f"more than the {MAX_PICTURE} that Wadi takes."
                )
            stream.thread_type = "NONE"
            return stream
    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise MediaError("The video is in a codec that Wadi cannot decode.")
    if container.streams.audio:
        raise MediaError("The file has sound but no picture: Wadi publishes videos.")
    raise MediaError("There is no video in the file.")


def _display_size(picture: VideoFrame, video: VideoStream) -> tuple[int, int]:
    """Width and height with square pixels, after rotation."""
    width, height = picture.width, picture.height
    if width * height > MAX_PIXELS:
        raise MediaError(f"The picture is {width} x {height} pixels, more than the {MAX_PICTURE} that Wadi takes.")
    aspect = fraction(video.sample_aspect_ratio) or fraction(video.codec_context.sample_aspect_ratio)
    if aspect and aspect != 1 and Fraction(1, 8) <= aspect <= 8:
        width = max(1, round(width * aspect))
    return (height, width) if round(picture.rotation / 90) % 2 else (width, height)


def _reordered_without_timestamps(video: VideoStream, formats: set[str]) -> bool:
    """AVI stores no presentation times, and for these codecs libavformat cannot derive them."""
    context = video.codec_context
    return "avi" in formats and context.codec.name in ("h264", "hevc") and context.has_b_frames


def _untagged_matrix(picture: VideoFrame, height: int) -> str:
    """Players guess the colours of an untagged picture by its size; a ladder must not change colour between rungs."""
    if picture.colorspace == MATRIX_RGB:
        return "bt709"
    if picture.colorspace != MATRIX_UNSPECIFIED:
        return ""
    return "bt709" if height >= 720 else "smpte170m"


def fraction(value: Fraction | None) -> Fraction:
    """PyAV's rates and ratios are None where the file does not say: 0 then."""
    return Fraction(value) if value else Fraction(0)
