"""The one pass over a source's packets. Runs in the child process of `worker.py`."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared.media.errors import MediaError
from shared.media.model import AudioInfo, SourceInfo
from shared.media.planning.plan import Survey, last_duration, ratio, tidy_rate
from shared.media.probe.container import fraction, opened
from shared.media.sandbox.ffmpeg import MAX_PIXELS

SEEKABLE = {"mov", "mp4", "matroska", "webm"}
DISCONTINUOUS = {"mpegts", "mpeg"}  # containers whose clock may jump where two recordings were joined
LARGEST = "8192 x 4320"
PICTURES_LOOKED_AT = 5
PACKETS_TRIED = 600
TRANSFER = {16: "pq", 18: "hlg"}
UNSPECIFIED = 2
RGB_MATRIX = 0


def survey(source: str) -> Survey:
    with opened(source) as container:
        video = _video_stream(container)
        names = set(container.format.name.split(","))
        look = _look_at(container, video)
        pts = look.pts
        counted = (
            look.unstamped or (look.jumps and bool(names & DISCONTINUOUS)) or _reordered_without_times(video, names)
        )
        first = look.pictures[0]
        frame_rate = named = fraction(video.average_rate) or fraction(video.guessed_rate)
        time_base = Fraction(cast(Fraction, video.time_base))
        if counted:
            frame_rate = named.limit_denominator(100_000) if named else Fraction(25)
            time_base = 1 / frame_rate
            pts = list(range(len(look.pts)))
            keyframes, end = [], len(pts)
        else:
            pts = sorted(set(pts))  # of two pictures at one instant only one can be seen
            keyframes = sorted(look.keyframes)
            end = pts[-1] + last_duration(pts, look.last_duration, time_base, named)
            frame_rate = tidy_rate(len(pts) / ((end - pts[0]) * time_base), named)
        width, height = _displayed(first, video)
        info = SourceInfo(
            container=container.format.name,
            video_codec=video.codec_context.codec.name,
            width=width,
            height=height,
            rotation=round(-first.rotation / 90) % 4 * 90,
            time_base=ratio(time_base),
            frame_rate=ratio(frame_rate),
            container_start=(container.start_time or 0) / 1_000_000,
            frames=len(pts),
            start_pts=pts[0],
            end_pts=end,
            interlaced=video.codec_context.field_order > 1 or any(p.interlaced_frame for p in look.pictures),
            hdr=TRANSFER.get(first.color_trc, ""),
            seekable=bool(names & SEEKABLE) and not counted,
            audio=look.audio,
            stream_index=video.index,
            counted=counted,
            first_picture=float((look.first_time or 0) * Fraction(cast(Fraction, video.time_base))),
            sample_format=first.format.name,
            untagged_matrix=_untagged_matrix(first, height),
        )
        return Survey(pts, keyframes, end, info)


class _Look:
    """What goes by in the pass."""

    def __init__(self) -> None:
        self.pts: list[int] = []
        self.keyframes: list[int] = []
        self.first_time: int | None = None
        self.last_duration = 0
        self.unstamped = False  # a packet had no time
        self.jumps = False  # the clock was set back, or far forward
        self.pictures: list[VideoFrame] = []
        self.audio: AudioInfo | None = None


def _video_stream(container: InputContainer) -> VideoStream:
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic:
            if stream.codec_context.width * stream.codec_context.height > MAX_PIXELS:
                raise MediaError(
                    f"The picture is {stream.codec_context.width} x {stream.codec_context.height} pixels, "
                    f"more than the {LARGEST} that Wadi takes."
                )
            stream.thread_type = "NONE"
            return stream
    if any(not stream.disposition & Disposition.attached_pic for stream in container.streams.video):
        raise MediaError("The video is in a codec that Wadi cannot decode.")
    if container.streams.audio:
        raise MediaError("The file has sound but no picture: Wadi publishes videos.")
    raise MediaError("There is no video in the file.")


def _look_at(container: InputContainer, video: VideoStream) -> _Look:
    look = _Look()
    first_key: int | None = None
    previous_dts: int | None = None
    latest = None
    second = 1 / Fraction(cast(Fraction, video.time_base))
    audio_tries = {stream.index: 200 for stream in container.streams.audio if stream.codec_context is not None}
    tries = PACKETS_TRIED
    for packet in _packets(container, video):
        if packet.stream_index != video.index:
            _try_audio(look, packet, audio_tries)
            continue
        if len(look.pictures) < PICTURES_LOOKED_AT and tries:
            tries -= 1
            look.pictures += _pictures(video, packet)
        if packet.size == 0:
            continue
        if packet.is_keyframe:
            if packet.pts is not None and not packet.is_discard:
                look.keyframes.append(packet.pts)
            if first_key is None:
                first_key = packet.pts if packet.pts is not None else -(1 << 62)
        if first_key is None or packet.is_discard:
            continue  # nothing to decode it from, or cut away by an edit list
        if packet.pts is None:
            look.unstamped = True
            look.pts.append(0)
            continue
        if packet.dts is not None:
            if previous_dts is not None and not -second <= packet.dts - previous_dts <= 10 * second:
                look.jumps = True
            previous_dts = packet.dts
        if packet.pts < first_key:
            continue  # leads the first keyframe and refers to what was before it
        look.pts.append(packet.pts)
        if look.first_time is None:  # an AVI shows a picture when its turn to be decoded comes: it knows no other time
            look.first_time = packet.dts if "avi" in container.format.name else packet.pts
        if latest is None or packet.pts > latest:
            latest, look.last_duration = packet.pts, packet.duration or 0
    if not look.pictures:
        look.pictures += _pictures(video, None)
    if not look.pictures or not look.pts:
        size = "" if video.codec_context.width else f", or larger than the {LARGEST} that Wadi takes"
        raise MediaError(f"Not one picture of the video could be decoded: it is damaged{size}.")
    return look


def _packets(container: InputContainer, video: VideoStream) -> "Iterator[Packet[Any]]":
    """Packets until the end, or until the file is too damaged to go on: what came before is kept."""
    demuxed = container.demux([video, *(s for s in container.streams.audio if s.codec_context is not None)])
    while True:
        try:
            yield next(demuxed)
        except StopIteration:
            return
        except av.error.FFmpegError:
            return


def _pictures(video: VideoStream, packet: "Packet[Any] | None") -> list[VideoFrame]:
    try:
        return list(video.codec_context.decode(packet))
    except (av.error.FFmpegError, EOFError):
        return []


def _try_audio(look: _Look, packet: "Packet[Any]", tries: dict[int, int]) -> None:
    """The first audio stream that decodes is the one."""
    if look.audio is not None or not tries.get(packet.stream_index) or packet.size == 0:
        return
    tries[packet.stream_index] -= 1
    stream = cast(AudioStream, packet.stream)
    try:
        frames = packet.decode()
    except av.error.FFmpegError:
        return
    if frames:
        context = stream.codec_context
        look.audio = AudioInfo(stream.index, context.name, context.layout.nb_channels, context.sample_rate)


def _displayed(picture: VideoFrame, video: VideoStream) -> tuple[int, int]:
    """The size with square pixels and the right side up."""
    width, height = picture.width, picture.height
    if width * height > MAX_PIXELS:
        raise MediaError(f"The picture is {width} x {height} pixels, more than the {LARGEST} that Wadi takes.")
    aspect = fraction(video.sample_aspect_ratio) or fraction(video.codec_context.sample_aspect_ratio)
    if aspect and aspect != 1 and Fraction(1, 8) <= aspect <= 8:
        width = max(1, round(width * aspect))
    return (height, width) if round(picture.rotation / 90) % 2 else (width, height)


def _reordered_without_times(video: VideoStream, names: set[str]) -> bool:
    """AVI has no time of presentation, and for these codecs libavformat cannot make one up."""
    context = video.codec_context
    return "avi" in names and context.codec.name in ("h264", "hevc") and context.has_b_frames


def _untagged_matrix(picture: VideoFrame, height: int) -> str:
    """Players guess the colours of an untagged picture by its size; a ladder must not change colour between rungs."""
    if picture.colorspace == RGB_MATRIX:
        return "bt709"
    if picture.colorspace != UNSPECIFIED:
        return ""
    return "bt709" if height >= 720 else "smpte170m"
