"""Decode keyframes and lay them out as a poster and storyboard sheets. Child side: runs only inside the sandbox."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import cast

import av
import av.error
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from shared.media.model import Plan, Storyboard, Thumbnails
from shared.media.planning.ladder import even_size
from shared.media.probe.container import open_container

TILE_BOX = (90, 160)  # pixels: short side, long side
POSTER_BOX = (720, 1280)
COLUMNS = ROWS = 10
PICTURES = 100  # of a short video; a long one gets one every MAX_INTERVAL_SECONDS
MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS = 1.0, 10.0
POSTER_CANDIDATES = 12
PACKETS_TRIED = 400  # after a seek, to find a keyframe
JPEG_QUANTIZER = "4"
# filters for each rotation in degrees clockwise
ROTATIONS: dict[int, list[str]] = {0: [], 90: ["transpose=clock"], 180: ["hflip", "vflip"], 270: ["transpose=cclock"]}


def draw_thumbnails(source: str, plan: Plan, out_dir: Path) -> Thumbnails:
    """The storyboard, and as poster the candidate with the largest JPEG: black and blurred pictures make small ones."""
    length = plan.seconds(plan.cuts[-1])
    interval = min(max(length / PICTURES, MIN_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)
    count = max(1, ceil(length / interval - 0.05))
    tile = even_size(plan.source.width, plan.source.height, *TILE_BOX)
    sheets = _Sheets(*tile, count, out_dir)
    best: tuple[int, float] = (-1, 0.0)
    with open_container(source) as container:
        keyframes = _Keyframes(container, plan)
        for number in range(count):
            time = (number + 0.5) * min(interval, length)
            small = _scaled(keyframes.at(time), plan, *tile)
            sheets.add(small)
            if number % max(1, count // POSTER_CANDIDATES) == 0:
                best = max(best, (len(_jpeg(small)), time))
        size = even_size(plan.source.width, plan.source.height, *POSTER_BOX)
        poster = _jpeg(_scaled(keyframes.at(best[1]), plan, *size))
    poster_path = out_dir / "poster.jpg"
    poster_path.write_bytes(poster)
    return Thumbnails(str(poster_path), Storyboard(*tile, sheets.columns, ROWS, interval, count, sheets.finish()))


class _Keyframes:
    """Finds keyframes by time; nothing else is decoded."""

    def __init__(self, container: InputContainer, plan: Plan) -> None:
        self.container = container
        self.video = cast(VideoStream, container.streams[plan.source.stream_index])
        self.video.thread_type = "NONE"
        self.video.codec_context.skip_frame = "NONKEY"
        self.time_base = Fraction(cast(Fraction, self.video.time_base))
        counted = plan.source.counted
        self.zero = Fraction(plan.source.first_picture) / self.time_base if counted else Fraction(plan.cuts[0])
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


def _scaled(frame: VideoFrame | None, plan: Plan, width: int, height: int) -> VideoFrame:
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


def _jpeg(frame: VideoFrame) -> bytes:
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": JPEG_QUANTIZER, "qmax": JPEG_QUANTIZER}
    frame.pts, frame.time_base = 0, encoder.time_base
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


class _Sheets:
    """Lays tiles out row by row on JPEG sheets of up to COLUMNS x ROWS."""

    def __init__(self, width: int, height: int, count: int, out_dir: Path) -> None:
        self.width, self.height, self.out_dir = width, height, out_dir
        self.columns = min(count, COLUMNS)
        self.paths: list[str] = []
        self.tiles: list[VideoFrame] = []

    def add(self, tile: VideoFrame) -> None:
        self.tiles.append(tile)
        if len(self.tiles) == self.columns * ROWS:
            self._write()

    def finish(self) -> list[str]:
        if self.tiles:
            self._write()
        return self.paths

    def _write(self) -> None:
        rows = ceil(len(self.tiles) / self.columns)
        sheet = VideoFrame(self.columns * self.width, rows * self.height, "yuvj420p")
        for plane, target in enumerate(sheet.planes):
            shrink = 1 if plane == 0 else 2
            width, height = self.width // shrink, self.height // shrink
            canvas = bytearray(b"\0" if plane == 0 else b"\x80") * target.buffer_size
            for number, tile in enumerate(self.tiles):
                row, column = divmod(number, self.columns)
                piece = tile.planes[plane]
                pixels = bytes(piece)
                for line in range(height):
                    at = (row * height + line) * target.line_size + column * width
                    canvas[at : at + width] = pixels[line * piece.line_size : line * piece.line_size + width]
            target.update(bytes(canvas))
        path = self.out_dir / f"storyboard-{len(self.paths):03d}.jpg"
        path.write_bytes(_jpeg(sheet))
        self.paths.append(str(path))
        self.tiles.clear()
