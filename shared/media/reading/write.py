"""Write the pictures of a segment as raw video to a pipe. Child side: inside the sandbox only."""

import os
from collections.abc import Iterator
from fractions import Fraction
from math import floor

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from shared.media.model import TIMESCALE, Plan
from shared.media.reading.pictures import TimedPicture, picture_before, segment_pictures
from shared.media.reading.piped import PipedPictures
from shared.media.reading.shape import Shaper


def write_pictures(source: str, plan: Plan, index: int, pipe: int) -> PipedPictures:
    """All pictures that segment `index` shows; one from before it where none of its own can be decoded, if any can."""
    shaper, times = Shaper(plan.source), []
    encoder: VideoCodecContext | None = None
    standing, last = False, None
    with os.fdopen(pipe, "wb", buffering=0) as out:
        for picture in _thinned(shaper.shaped(segment_pictures(source, plan, index)), plan.frame_rate_cap):
            encoder = encoder or _raw(picture.frame)
            _write(encoder, picture.frame, out.fileno())
            times.append(picture.time)
            last = picture.frame
        if times and encoder is not None and last is not None:
            times[0] = plan.cuts[index]  # it stands there, whatever its own time is
            for time in plan.repeat_times(index, times[-1], plan.cuts[index + 1]):
                _write(encoder, last, out.fileno())
                times.append(time)
        if not times and (before := picture_before(source, plan, index)) is not None:
            standing = True
            for picture in shaper.shaped(iter([before])):
                _write(_raw(picture.frame), picture.frame, out.fileno())
                times.append(plan.cuts[index])
    return PipedPictures(times, standing)


def _thinned(pictures: Iterator[TimedPicture], cap: int) -> Iterator[TimedPicture]:
    """At most `cap` pictures per second, by the arithmetic of planning.cuts.thin_out; 0: all."""
    slot = None
    for picture in pictures:
        now = floor(picture.time / TIMESCALE * cap + 0.001) if cap else picture.time
        if slot is None or now > slot:
            slot = now
            yield picture


def _raw(frame: VideoFrame) -> VideoCodecContext:
    encoder = av.CodecContext.create("rawvideo", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, frame.format.name
    encoder.time_base = Fraction(1, TIMESCALE)
    return encoder


def _write(encoder: VideoCodecContext, frame: VideoFrame, pipe: int) -> None:
    for packet in encoder.encode(frame):
        data = memoryview(packet)
        while data:
            data = data[os.write(pipe, data) :]
