"""Whether the shape of the pictures changes in the middle of a stream. Only some keyframes are decoded."""

from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import av.error
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from shared.media.model import SAME_ASPECT

EVERY_SECONDS = 4


class ShapeWatch:
    """Looks at a keyframe each few seconds. The ffmpeg program does not notice when only the shape of a pixel changes:
    such a film has to be read packet by packet."""

    def __init__(self, stream: VideoStream) -> None:
        self.changes = False
        self._stream = stream
        self._aspect: Fraction | None = None
        self._looked: float | None = None

    def look(self, packet: "Packet[Any]") -> None:
        time = None if packet.dts is None else float(packet.dts * Fraction(self._stream.time_base or 1))
        if self._looked is not None and time is not None and 0 <= time - self._looked < EVERY_SECONDS:
            return
        self._looked = time
        with suppress(av.error.FFmpegError, EOFError):
            # a context of its own: the pictures of the stream are decoded in order elsewhere
            context = av.CodecContext.create(self._stream.codec_context.codec.name, "r")
            assert isinstance(context, VideoCodecContext)
            context.extradata = self._stream.codec_context.extradata
            for frame in [*context.decode(packet), *context.decode(None)]:
                pixel = context.sample_aspect_ratio or Fraction(1)
                aspect = pixel * Fraction(frame.width, frame.height)
                if self._aspect is None:
                    self._aspect = aspect
                self.changes |= abs(aspect / self._aspect - 1) > SAME_ASPECT
