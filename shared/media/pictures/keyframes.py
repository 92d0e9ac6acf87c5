"""Decode keyframes of a source by time. Child side: runs only inside the sandbox."""

from collections.abc import Iterator
from fractions import Fraction
from typing import cast

import av.error
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared.media.model import Plan

PACKETS_TRIED = 400  # after a seek, to find a keyframe


class Keyframes:
    """Finds keyframes by time; nothing else is decoded."""

    def __init__(self, container: InputContainer, plan: Plan) -> None:
        self.container = container
        self.video = cast(VideoStream, container.streams[plan.source.stream_index])
        self.video.thread_type = "NONE"
        self.video.codec_context.skip_frame = "NONKEY"
        self.time_base = Fraction(cast(Fraction, self.video.time_base))
        self.zero = Fraction(plan.cuts[0])
        self.last: VideoFrame | None = None

    def at(self, seconds: float) -> VideoFrame | None:
        """The keyframe that a seek to this published time finds, otherwise the last one found."""
        wanted = int(self.zero + Fraction(seconds) / self.time_base)
        try:
            self.container.seek(wanted, stream=self.video)
        except av.error.FFmpegError:
            return self.last
        self.last = next(self._decoded(), self.last)
        return self.last

    def _decoded(self) -> Iterator[VideoFrame]:
        packets = self.container.demux(self.video)
        for _ in range(PACKETS_TRIED):
            try:
                packet = next(packets)
            except (StopIteration, av.error.FFmpegError):
                return
            if packet.is_keyframe or packet.size == 0:
                try:
                    yield from self.video.codec_context.decode(packet)
                    yield from self._flush()
                except av.error.FFmpegError:
                    continue

    def _flush(self) -> Iterator[VideoFrame]:
        """A decoder that reorders holds the keyframe back, because it never gets a second one."""
        yield from self.video.codec_context.decode(None)
        self.video.codec_context.flush_buffers()
