"""Bring a decoded picture to the size and the colours of a JPEG. Child side: runs only inside the sandbox."""

from fractions import Fraction
from typing import cast

from av.filter import Graph
from av.video.frame import VideoFrame

from shared.media.model import SourceInfo
from shared.media.pictures.orientation import upright

SAME_ASPECT = Fraction(1, 50)  # a smaller difference from the film's aspect ratio is rounding: no bars
RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "pal", "0rgb", "0bgr")  # how their names begin
JPEG_COLOURS = "out_color_matrix=smpte170m:out_range=pc"  # JFIF: BT.601, all 256 values
DARK = bytes(range(32))  # values of luma
BRIGHT_PART = 0.02  # of a picture that is not dark


def scaled(frame: VideoFrame, pixel: Fraction, info: SourceInfo, width: int, height: int) -> VideoFrame:
    """A picture as the film shows it, in this size, with square pixels and the colours of JPEG.

    It is turned and mirrored, alpha lies over black, and a shape other than the film's gets bars. `pixel` is the width
    of a stored pixel by its height.
    """
    turns, lying = upright(frame)
    own_width, own_height = frame.width * pixel, Fraction(frame.height)
    if lying:
        own_width, own_height = own_height, own_width
    fit_width, fit_height = _fitted(own_width / own_height, Fraction(info.width, info.height), width, height)
    steps = ["estdif=mode=frame:deint=interlaced"] if frame.interlaced_frame else []
    steps += [*turns, f"scale={fit_width}:{fit_height}:flags=bicubic"]
    if any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8":
        steps += ["format=gbrap", "premultiply=inplace=1"]
    steps += [f"scale={_colours(frame, info)}", "format=yuvj420p"]  # once it is small: this is expensive
    if (fit_width, fit_height) != (width, height):
        steps += [f"pad={width}:{height}:-1:-1"]
    return _filtered(frame, steps)


def black(width: int, height: int) -> VideoFrame:
    frame = VideoFrame(width, height, "yuvj420p")
    for plane, value in zip(frame.planes, (0, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


def is_dark(picture: VideoFrame) -> bool:
    """Whether nearly all of a scaled picture is black."""
    plane = picture.planes[0]
    luma = bytes(plane)
    lines = (luma[y * plane.line_size : y * plane.line_size + picture.width] for y in range(picture.height))
    bright = sum(len(line.translate(None, DARK)) for line in lines)
    return bright < BRIGHT_PART * picture.width * picture.height


def _fitted(aspect: Fraction, wanted: Fraction, width: int, height: int) -> tuple[int, int]:
    """The size at which a picture of this aspect ratio fills width x height in one direction; even, as 4:2:0 needs."""
    if abs(aspect / wanted - 1) < SAME_ASPECT:
        return width, height
    if aspect > wanted:
        return width, min(height, max(2, 2 * round(height * wanted / aspect / 2)))
    return min(width, max(2, 2 * round(width * aspect / wanted / 2))), height


def _colours(frame: VideoFrame, info: SourceInfo) -> str:
    if info.hdr:
        return f"{JPEG_COLOURS}:out_primaries=bt709:out_transfer=bt709"
    if info.untagged_matrix and not frame.format.name.startswith(RGB_FORMATS):
        return f"in_color_matrix={info.untagged_matrix}:{JPEG_COLOURS}"
    return JPEG_COLOURS


def _filtered(frame: VideoFrame, steps: list[str]) -> VideoFrame:
    graph = Graph()
    time_base = frame.time_base or Fraction(1, 1000)
    chain = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)]
    for step in steps:
        name, _, arguments = step.partition("=")
        chain.append(graph.add(name, arguments))
    chain.append(graph.add("buffersink"))
    graph.link_nodes(*chain).configure()
    graph.push(frame)
    graph.push(None)
    return cast(VideoFrame, graph.pull())
