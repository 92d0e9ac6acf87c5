"""The one pass over a source's packets: timestamps, keyframes, the first pictures, and which audio stream decodes."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared.media.errors import MediaError
from shared.media.model import AUDIO_RENDITION, AudioTrack
from shared.media.sandbox.input import MAX_PICTURE

PICTURES_DECODED = 5
VIDEO_PACKETS_TRIED = 600  # before it is given up to decode a picture during the pass
AUDIO_PACKETS_TRIED = 200  # in each audio stream
MAX_FORWARD_JUMP_SECONDS = 10
MAX_BACKWARD_JUMP_SECONDS = 1
BEFORE_EVERYTHING = -(1 << 62)


class PacketScan:
    """What one pass found. Raises MediaError when not one picture can be decoded.

    Times are in the time base of the video stream.
    """

    def __init__(self, container: InputContainer, video: VideoStream) -> None:
        self.pts: list[int] = []  # in decode order; 0 where a packet has none
        self.keyframes: list[int] = []  # their pts
        self.first_time: int | None = None  # of the first picture
        self.last_duration = 0  # of the picture that is shown last
        self.missing_timestamps = False
        self.clock_jumps = False
        self.pictures: list[VideoFrame] = []  # the first few
        self.audio: list[AudioTrack] = []
        self._video = video
        self._format = container.format.name
        second = 1 / Fraction(cast(Fraction, video.time_base))
        self._max_backward = MAX_BACKWARD_JUMP_SECONDS * second
        self._max_forward = MAX_FORWARD_JUMP_SECONDS * second
        self._first_key: int | None = None
        self._previous_dts: int | None = None
        self._latest: int | None = None
        self._video_tries = VIDEO_PACKETS_TRIED
        self._audio_tries = {
            s.index: AUDIO_PACKETS_TRIED for s in container.streams.audio if s.codec_context is not None
        }
        self._run(container)

    def _run(self, container: InputContainer) -> None:
        for packet in _packets(container, self._video):
            if packet.stream_index == self._video.index:
                self._add_video(packet)
            else:
                self._try_audio(packet)
        if not self.pictures:
            self.pictures += _decode(self._video, None)
        if not self.pictures or not self.pts:
            size = "" if self._video.codec_context.width else f", or larger than the {MAX_PICTURE} that Wadi takes"
            raise MediaError(f"Not one picture of the video could be decoded: it is damaged{size}.")

    def _add_video(self, packet: "Packet[Any]") -> None:
        if len(self.pictures) < PICTURES_DECODED and self._video_tries:
            self._video_tries -= 1
            self.pictures += _decode(self._video, packet)
        if packet.size == 0:
            return
        if packet.is_keyframe:
            if packet.pts is not None and not packet.is_discard:
                self.keyframes.append(packet.pts)
            if self._first_key is None:
                self._first_key = packet.pts if packet.pts is not None else BEFORE_EVERYTHING
        if self._first_key is None or packet.is_discard:
            return  # no keyframe yet to decode it from, or cut away by an edit list
        if packet.pts is None:
            self.missing_timestamps = True
            self.pts.append(0)
            return
        self._watch_clock(packet.dts)
        if packet.pts < self._first_key:
            return  # a leading picture (open GOP): it refers to pictures before the first keyframe
        self.pts.append(packet.pts)
        if self.first_time is None:
            # AVI has no presentation times: it shows a picture when it is decoded
            self.first_time = packet.dts if "avi" in self._format else packet.pts
        if self._latest is None or packet.pts > self._latest:
            self._latest, self.last_duration = packet.pts, packet.duration or 0

    def _watch_clock(self, dts: int | None) -> None:
        if dts is None:
            return
        if self._previous_dts is not None:
            step = dts - self._previous_dts
            self.clock_jumps |= not -self._max_backward <= step <= self._max_forward
        self._previous_dts = dts

    def _try_audio(self, packet: "Packet[Any]") -> None:
        """The first audio stream that decodes is used."""
        if self.audio or not self._audio_tries.get(packet.stream_index) or packet.size == 0:
            return
        self._audio_tries[packet.stream_index] -= 1
        stream = cast(AudioStream, packet.stream)
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            return
        if frames:
            context = stream.codec_context
            self.audio.append(
                AudioTrack(AUDIO_RENDITION, stream.index, context.name, context.layout.nb_channels, context.sample_rate)
            )


def _packets(container: InputContainer, video: VideoStream) -> "Iterator[Packet[Any]]":
    """Packets until the end, or until the file is too damaged to go on: what came before is kept."""
    packets = container.demux([video, *(s for s in container.streams.audio if s.codec_context is not None)])
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError):
            return


def _decode(video: VideoStream, packet: "Packet[Any] | None") -> list[VideoFrame]:
    try:
        return list(video.codec_context.decode(packet))
    except (av.error.FFmpegError, EOFError):
        return []
