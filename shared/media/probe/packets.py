"""The one pass over the packets of a source, or of a part of it: times, keyframes, and the first of what decodes."""

from array import array
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import av.error
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared.media.probe.channels import set_native_layout
from shared.media.probe.clock import ClockWatch
from shared.media.probe.shapes import ShapeWatch

PICTURES_DECODED = 5
VIDEO_PACKETS_TRIED = 600  # before it is given up to decode a picture during the pass
AUDIO_PACKETS_TRIED = 200  # in each audio stream
IN_BAND = {"mpegts", "mpeg", "flv"}  # formats that leave the aspect ratio of a pixel to the codec
UNKNOWN = -(1 << 62)  # a time that the file does not give


class StreamPackets:
    """The packets of one stream. Times are in the stream's time base, in decode order; UNKNOWN where missing."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self.index = stream.index
        self.time_base = Fraction(stream.time_base or 1)
        self.pts = array("q")
        self.durations = array("q")
        self.runs: list[tuple[int, int]] = []  # number of the first packet, and the epoch

    @property
    def codec(self) -> str:
        return self.stream.codec_context.name if self.stream.codec_context is not None else "unknown"

    def add(self, packet: "Packet[Any]", epoch: int) -> None:
        if not self.runs or self.runs[-1][1] != epoch:
            self.runs.append((len(self.pts), epoch))
        self.pts.append(UNKNOWN if packet.pts is None else packet.pts)
        self.durations.append(packet.duration or 0)


class VideoPackets(StreamPackets):
    def __init__(self, stream: VideoStream, *, in_band: bool = False) -> None:
        super().__init__(stream)
        self.video = stream
        self.video.thread_type = "NONE"
        self.keyframes: dict[int, int] = {}  # byte position (-1: unknown) by number of the packet
        self.hidden: set[int] = set()  # numbers of packets that give no picture: cut away by an edit list
        self.first_dts: int | None = None
        self.pictures: list[VideoFrame] = []  # the first few
        self.shapes = ShapeWatch(stream) if in_band else None
        self._tries = VIDEO_PACKETS_TRIED

    @property
    def is_cover(self) -> bool:
        return bool(self.stream.disposition & Disposition.attached_pic)

    def add(self, packet: "Packet[Any]", epoch: int) -> None:
        number = len(self.pts)
        if packet.is_keyframe:
            self.keyframes[number] = -1 if packet.pos is None else packet.pos
            if self.shapes is not None:
                self.shapes.look(packet)
        if packet.is_discard:
            self.hidden.add(number)
        if self.first_dts is None:
            self.first_dts = packet.dts
        super().add(packet, epoch)
        if len(self.pictures) < PICTURES_DECODED and self._tries:
            self._tries -= 1
            self.pictures += self._decode(packet)

    def shown(self) -> list[int]:
        """Numbers of the packets that give a picture that can be seen.

        Before the first keyframe nothing can be decoded. Leading pictures (decoded after it, shown before) may refer to
        pictures before it: they count if the decoder gave one, as it can of VVC and HEVC. A film without any keyframe
        (intra refresh) is decoded from its beginning.
        """
        first = min(self.keyframes, default=0)
        key_time, first_run_end = self.pts[first], self.runs[1][0] if len(self.runs) > 1 else len(self.pts)
        decoded = [picture.pts for picture in self.pictures if picture.pts is not None]
        key_time = min([key_time, *decoded[:1]])
        return [
            n
            for n in range(first, len(self.pts))
            if n not in self.hidden and (n >= first_run_end or self.pts[n] >= key_time or self.pts[n] == UNKNOWN)
        ]

    def finish(self) -> None:
        """A decoder that reorders still holds the pictures of a very short film."""
        if not self.pictures and self.pts:
            self.pictures += self._decode(None)

    def _decode(self, packet: "Packet[Any] | None") -> list[VideoFrame]:
        try:
            return list(self.video.codec_context.decode(packet))
        except (av.error.FFmpegError, EOFError):
            return []


class AudioPackets(StreamPackets):
    def __init__(self, stream: AudioStream) -> None:
        super().__init__(stream)
        self.audio = stream
        self.first_frame: AudioFrame | None = None
        self.frame_samples = -1  # of the second frame: what the file says to skip makes the first one shorter
        self.first_decoded = 0  # number of the packet that gave the first frame
        self.channels = 0
        self.order: list[str] = []  # of the channels, where it is a custom one
        self._tries = AUDIO_PACKETS_TRIED
        if stream.codec_context is not None:
            self.order = set_native_layout(stream.codec_context)

    def add(self, packet: "Packet[Any]", epoch: int) -> None:
        super().add(packet, epoch)
        if self.frame_samples < 0 and self._tries and self.audio.codec_context is not None:
            self._tries -= 1
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                return
            for frame in cast(list[AudioFrame], frames):
                if self.first_frame is None:
                    self.first_frame, self.first_decoded = frame, len(self.pts) - 1
                    self.channels = frame.layout.nb_channels
                else:
                    self.frame_samples = frame.samples


class PacketScan:
    """What one pass found, by the index of the stream. Damage ends the pass early: what came before is kept.

    Before an edit begins, the demuxer goes back to a keyframe, and marks what is not shown as to be discarded: that is
    no jump of the clock. In a `fragmented` MP4 it marks so what comes after a jump.
    """

    def __init__(self, container: InputContainer, *, fragmented: bool) -> None:
        formats = set(container.format.name.split(","))
        in_band = bool(formats & IN_BAND)
        self.video = {
            s.index: VideoPackets(s, in_band=in_band) for s in container.streams.video if s.codec_context is not None
        }
        self.audio = {s.index: AudioPackets(s) for s in container.streams.audio}
        self.other = {
            s.index: StreamPackets(s)
            for s in container.streams
            if s.index not in self.video and s.index not in self.audio
        }
        timed = {**self.video, **self.audio}
        self.clock = ClockWatch(formats, len(timed))
        for packet in _packets(container):
            if packet.size == 0:
                continue
            found: StreamPackets | None = timed.get(packet.stream_index)
            if found is None:
                self.other[packet.stream_index].add(packet, 0)
                continue
            time = packet.dts if packet.dts is not None else packet.pts
            hidden = packet.is_discard and not fragmented
            seconds = None if time is None or hidden else float(time * found.time_base)
            found.add(packet, self.clock.epoch(found.index, seconds, packet.pos))
        for each in self.video.values():
            each.finish()


def _packets(container: InputContainer) -> "Iterator[Packet[Any]]":
    packets = container.demux()
    while True:
        try:
            yield next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
