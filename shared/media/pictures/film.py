"""The picture that stands at a published time. Child side: runs only inside the sandbox."""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from time import process_time
from typing import Literal

import av
import av.error
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from msgspec import Struct

from shared.media.model import TIMESCALE
from shared.media.pictures.packets import Packets, StampedPacket
from shared.media.probe.alpha import picture_decoder
from shared.media.probe.pictures import sample_aspect_ratio

# FFmpeg's own decoders drop the alpha channel that WebM keeps beside the picture


class Moment(Struct):
    """A picture of the film, as it was decoded."""

    time: int  # published, in ticks of TIMESCALE
    frame: VideoFrame
    pixel: Fraction  # width of a stored pixel by its height


class Film:
    """Asked for times that rise. Keyframes are cheap; `cpu_seconds` may be spent on decoding what is between them."""

    def __init__(self, packets: Packets, cpu_seconds: float) -> None:
        self._packets = packets
        self._end_of_budget = process_time() + cpu_seconds
        self._last: Moment | None = None
        self._run: _Run | None = None  # decodes on from a keyframe
        self._rest: Iterator[StampedPacket] = iter(())  # behind self._key
        self._key: StampedPacket | None = None
        self._keys_are_skipped = False  # by seeks: some land far before the last keyframe
        self._decoders = _Decoders()

    @property
    def can_decode_on(self) -> bool:
        return process_time() < self._end_of_budget

    def near(self, seconds: float) -> Moment | None:
        """The picture at a published time while decoding goes on anyway, else the keyframe before it.

        None when nothing could be decoded so far.
        """
        time = round(seconds * TIMESCALE)
        if self._run is not None and self.can_decode_on:
            passed = self._run.advance(time, stop_at_keyframes=not self._keys_are_skipped)
            self._last = self._run.current or self._last
            if passed:
                return self._last
        reached = self._run.current.time if self._run and self._run.current else None
        self._run = None
        self._rest = self._packets.from_keyframe(time)
        self._key = next(self._rest, None)
        if self._key is not None:
            if reached is not None and self._key.time < reached:
                self._keys_are_skipped = True
            frames = self._decoders.keyframe(self._key)
            self._last = frames[0] if frames else self._last
        return self._last

    def at(self, seconds: float) -> Moment | None:
        """The picture that stands at the time that near() was last asked for; what near() gave when too much CPU time
        was spent."""
        if self._key is not None and self.can_decode_on:
            if self._run is None:
                self._run = _Run(self._decoders, self._key, self._rest)
            self._run.advance(round(seconds * TIMESCALE), stop_at_keyframes=False)
            self._last = self._run.current or self._last
        return self._last

    def pictures(self) -> Iterator[Moment]:
        """Those after the last one, as long as CPU time is left."""
        run = self._run
        while run is not None and self.can_decode_on and (moment := run.next()):
            yield moment


class _Run:
    """Decodes one picture after the other, except those that no other refers to: they are half the work."""

    def __init__(self, decoders: "_Decoders", key: StampedPacket, rest: Iterator[StampedPacket]) -> None:
        self.current: Moment | None = None
        self._ahead: Moment | None = None
        self._keyframe_met = key.time
        self._moments = self._decoded(decoders, key, rest)

    def advance(self, time: int, *, stop_at_keyframes: bool) -> bool:
        """Go on to the last picture at or before `time`, or to the first if none is; False: stopped at a keyframe."""
        begun = self._keyframe_met
        while moment := self._ahead or self.next():
            if moment.time > time and self.current is not None:
                self._ahead = moment
                return True
            if stop_at_keyframes and begun < self._keyframe_met <= time:
                return False
            self.current, self._ahead = moment, None
            if moment.time > time:
                return True
        return True

    def next(self) -> Moment | None:
        return next(self._moments, None)

    def _decoded(self, decoders: "_Decoders", key: StampedPacket, rest: Iterator[StampedPacket]) -> Iterator[Moment]:
        yield from decoders.start(key)
        for stamped in rest:
            if stamped.packet.is_keyframe:
                self._keyframe_met = stamped.time
            yield from decoders.decode(stamped)
        yield from decoders.flush()


class _Decoders:
    """The decoder of the stream that packets come from: a source in parts has one in each."""

    def __init__(self) -> None:
        self._stream: VideoStream | None = None
        self._decoder: VideoCodecContext | None = None

    def keyframe(self, stamped: StampedPacket) -> list[Moment]:
        """A keyframe alone. A decoder that reorders holds it back, because it never gets a second one."""
        self._restart(stamped, "NONKEY")
        frames = self.decode(stamped) + self.flush()
        self._reset()
        return frames

    def start(self, stamped: StampedPacket) -> list[Moment]:
        self._restart(stamped, "NONREF")
        return self.decode(stamped)

    def decode(self, stamped: StampedPacket) -> list[Moment]:
        before = []
        if stamped.stream is not self._stream:
            before = self.flush()
            self._restart(stamped, "NONREF")
        assert self._decoder is not None
        with suppress(av.error.FFmpegError, EOFError):
            return [*before, *self._moments(self._decoder.decode(stamped.packet))]
        return before

    def flush(self) -> list[Moment]:
        if self._decoder is None:
            return []
        with suppress(av.error.FFmpegError, EOFError):
            return self._moments(self._decoder.decode(None))
        return []

    def _restart(self, stamped: StampedPacket, skipped: Literal["NONKEY", "NONREF"]) -> None:
        if stamped.stream is not self._stream:
            self._stream, self._decoder = stamped.stream, picture_decoder(stamped.stream)
        self._reset()
        assert self._decoder is not None
        self._decoder.skip_frame = skipped

    def _reset(self) -> None:
        if self._decoder is not None and self._decoder.is_open:
            self._decoder.flush_buffers()

    def _moments(self, frames: list[VideoFrame]) -> list[Moment]:
        assert self._stream is not None
        pixel = sample_aspect_ratio(self._stream)
        return [Moment(frame.pts, frame, pixel) for frame in frames if frame.pts is not None]
