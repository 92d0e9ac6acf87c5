"""Scale a decoded picture and encode it as JPEG. Child side: runs only inside the sandbox."""

from fractions import Fraction
from typing import cast

import av
from av.filter import Graph
from av.video.frame import VideoFrame

from shared.media.model import Plan

QUANTIZER = "4"
# filters for each rotation in degrees clockwise
ROTATIONS: dict[int, list[str]] = {0: [], 90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}


def scaled(frame: VideoFrame | None, plan: Plan, width: int, height: int) -> VideoFrame:
    """A frame rotated upright, in this size and in the colours of JPEG; black when there is no frame."""
    if frame is None:
        black = VideoFrame(width, height, "yuvj420p")
        for plane, value in zip(black.planes, (0, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        return black
    scale = f"scale={width}:{height}:flags=bicubic"
    if plan.source.hdr:
        scale += ":out_color_matrix=bt709:out_primaries=bt709:out_transfer=bt709"
    graph = Graph()
    base = Fraction(1, 1000)
    chain = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=base)]
    for step in [*ROTATIONS[plan.source.rotation], scale, "format=yuvj420p"]:
        name, _, arguments = step.partition("=")
        chain.append(graph.add(name, arguments))
    chain.append(graph.add("buffersink"))
    graph.link_nodes(*chain).configure()
    frame.pts, frame.time_base = 0, base
    graph.push(frame)
    return cast(VideoFrame, graph.pull())


def jpeg(frame: VideoFrame) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": QUANTIZER, "qmax": QUANTIZER}
    frame.pts, frame.time_base = 0, encoder.time_base
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
