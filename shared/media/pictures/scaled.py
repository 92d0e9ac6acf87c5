"""Bring a decoded picture to the size and the colours of a JPEG. Child side: runs only inside the sandbox."""

from fractions import Fraction
from typing import cast

from av.filter import Graph
from av.video.frame import VideoFrame

from shared.media.model import SAME_ASPECT, SourceInfo
from shared.media.pictures.orientation import upright

RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "pal", "0rgb", "0bgr")  # how their names begin
JPEG_COLOURS = "out_color_matrix=smpte170m:out_range=pc"  # JFIF: BT.601, all 256 values
DEINTERLACE = ["estdif=mode=frame:deint=interlaced"]  # from one picture alone: its neighbours are not decoded
DARK = bytes(range(32))  # values of luma
BRIGHT_PART = 0.02  # of a picture that is not dark


class Scaler:
    """Brings pictures to one size, as the film shows them, with square pixels and the colours of JPEG.

    They are turned and mirrored, alpha lies over black, and a shape other than the film's gets bars.
    """

    def __init__(self, info: SourceInfo, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._info = info
        self._shape: tuple[object, ...] = ()
        self._graph: Graph | None = None  # for self._shape: to make one costs more than to use it

    def scaled(self, frame: VideoFrame, pixel: Fraction) -> VideoFrame:
        """`pixel` is the width of a stored pixel by its height."""
        turns, lying = upright(frame)
        picture = frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range
        shape = *picture, frame.color_trc, frame.color_primaries, pixel, *turns
        if self._graph is None or shape != self._shape or frame.interlaced_frame:
            steps = [*DEINTERLACE] if frame.interlaced_frame else []
            steps += [*turns, *self._steps(frame, *((1 / pixel, True) if lying else (pixel, False)))]
            self._graph, self._shape = _graph(frame, steps), shape
        graph = self._graph
        graph.push(frame)
        if frame.interlaced_frame:  # a filter that waits for the next picture
            graph.push(None)
            self._graph = None
        return cast(VideoFrame, graph.pull())

    def black(self) -> VideoFrame:
        frame = VideoFrame(self.width, self.height, "yuvj420p")
        for plane, value in zip(frame.planes, (0, 128, 128), strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        return frame

    def _steps(self, frame: VideoFrame, pixel: Fraction, lying: bool) -> list[str]:
        """The filters behind those that turn; `pixel` is that of the turned picture, `lying` whether it lay before."""
        across, down = (frame.height, frame.width) if lying else (frame.width, frame.height)
        width, height = self._fitted(across * pixel / down)
        steps = [f"scale={width}:{height}:flags=bicubic"]
        if any(component.is_alpha for component in frame.format.components) or frame.format.name == "pal8":
            steps += ["format=gbrap", "premultiply=inplace=1"]
        steps += [f"scale={self._colours(frame)}", "format=yuvj420p"]
        if (width, height) != (self.width, self.height):
            steps += [f"pad={self.width}:{self.height}:-1:-1"]
        return steps

    def _fitted(self, aspect: Fraction) -> tuple[int, int]:
        """The size at which a picture of this aspect ratio fills ours in one direction; even, as 4:2:0 needs."""
        wanted = Fraction(self._info.width, self._info.height)
        if abs(aspect / wanted - 1) < SAME_ASPECT:
            return self.width, self.height
        if aspect > wanted:
            return self.width, min(self.height, max(2, 2 * round(self.height * wanted / aspect / 2)))
        return min(self.width, max(2, 2 * round(self.width * aspect / wanted / 2))), self.height

    def _colours(self, frame: VideoFrame) -> str:
        if self._info.hdr:
            return f"{JPEG_COLOURS}:out_primaries=bt709:out_transfer=bt709"
        if self._info.untagged_matrix and not frame.format.name.startswith(RGB_FORMATS):
            return f"in_color_matrix={self._info.untagged_matrix}:{JPEG_COLOURS}"
        return JPEG_COLOURS


def is_dark(picture: VideoFrame) -> bool:
    """Whether nearly all of a scaled picture is black."""
    plane = picture.planes[0]
    luma = bytes(plane)
    lines = (luma[y * plane.line_size : y * plane.line_size + picture.width] for y in range(picture.height))
    bright = sum(len(line.translate(None, DARK)) for line in lines)
    return bright < BRIGHT_PART * picture.width * picture.height


def _graph(frame: VideoFrame, steps: list[str]) -> Graph:
    graph = Graph()
    time_base = frame.time_base or Fraction(1, 1000)
    chain = [graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)]
    for step in steps:
        name, _, arguments = step.partition("=")
        chain.append(graph.add(name, arguments))
    chain.append(graph.add("buffersink"))
    graph.link_nodes(*chain).configure()
    return graph
