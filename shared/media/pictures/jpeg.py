"""Encode a picture as JPEG. Child side: runs only inside the sandbox."""

from fractions import Fraction

import av
from av.video.frame import VideoFrame

QUANTIZER = "4"


def jpeg(frame: VideoFrame) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": QUANTIZER, "qmax": QUANTIZER}
    frame.pts, frame.time_base = 0, encoder.time_base
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
