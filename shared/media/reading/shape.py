"""Brings pictures to the one shape and pixel format that the encoder gets. Child side: inside the sandbox only."""

from collections.abc import Iterator
from fractions import Fraction

import av.error
from av.filter import Graph
from av.video.frame import VideoFrame

from shared.media.model import SAME_ASPECT, TIMESCALE, SourceInfo
from shared.media.pictures.orientation import upright
from shared.media.reading.pictures import TimedPicture
from shared.media.reading.piped import has_alpha, raw_format


class Shaper:
    """One filter graph for each shape that comes along, in turn."""

    def __init__(self, info: SourceInfo) -> None:
        assert info.reading is not None
        self._info, self._reading = info, info.reading
        self._key: tuple[int, int, str, Fraction] | None = None
        self._graph: Graph | None = None
        self._upright: list[str] | None = None  # of the first picture: it is the shape of all

    def shaped(self, pictures: Iterator[TimedPicture]) -> Iterator[TimedPicture]:
        for picture in pictures:
            frame = picture.frame
            key = frame.width, frame.height, frame.format.name, picture.aspect
            if key != self._key:
                yield from self._finish()
                self._graph, self._key = self._make_graph(picture), key
            assert self._graph is not None
            frame.pts, frame.time_base = picture.time, Fraction(1, TIMESCALE)
            self._graph.push(frame)
            yield from self._pull()
        yield from self._finish()

    def _finish(self) -> Iterator[TimedPicture]:
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pull()

    def _pull(self) -> Iterator[TimedPicture]:
        assert self._graph is not None
        while True:
            try:
                frame = self._graph.pull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            assert isinstance(frame, VideoFrame)
            assert frame.pts is not None
            assert frame.time_base is not None
            yield TimedPicture(round(frame.pts * Fraction(frame.time_base) * TIMESCALE), frame)

    def _make_graph(self, picture: TimedPicture) -> Graph:
        frame = picture.frame
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1, TIMESCALE)
        )
        steps = ["bwdif=mode=send_frame:deint=interlaced"] if self._info.interlaced else []
        if has_alpha(frame.format.name):
            steps += ["premultiply=inplace=1"]
        width, height = self._fitted(picture)
        steps += [f"scale={width}:{height}:flags=bicubic", f"format={raw_format(self._info).pixel_format}"]
        if (width, height) != (self._reading.width, self._reading.height):
            steps += [f"pad={self._reading.width}:{self._reading.height}:-1:-1"]
        if self._upright is None:
            self._upright, _ = upright(frame)
        steps += self._upright
        nodes = [source, *(graph.add(*step.split("=", 1)) for step in steps), graph.add("buffersink")]
        graph.link_nodes(*nodes).configure()
        return graph

    def _fitted(self, picture: TimedPicture) -> tuple[int, int]:
        """The size at which the picture fills the first shape in one direction, and keeps its own."""
        width, height = self._reading.width, self._reading.height
        frame = picture.frame
        ratio = Fraction(frame.width * height, frame.height * width)  # its aspect by that of the first shape
        ratio *= picture.aspect / self._reading.sample_aspect_ratio.fraction()
        if abs(ratio - 1) < SAME_ASPECT:
            return width, height
        if ratio > 1:
            return width, max(2, 2 * round(height / ratio / 2))
        return max(2, 2 * round(width * ratio / 2)), height
