"""Lay small pictures out on storyboard sheets. Child side: runs only inside the sandbox."""

from math import ceil
from pathlib import Path

from av.video.frame import VideoFrame

from shared.media.pictures.jpeg import jpeg

COLUMNS = ROWS = 10


class Sheets:
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
        path.write_bytes(jpeg(sheet))
        self.paths.append(str(path))
        self.tiles.clear()
