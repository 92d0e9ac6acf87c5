"""A drawn circle, and a mark in a corner, show how a picture was squashed, turned or mirrored."""

from pathlib import Path
from typing import NamedTuple

import av

WHITE, GREY = 190, 70  # luma: the circle is above the one, the mark between both, the rest below

CORNERS = ("top left", "top right", "bottom left", "bottom right")


class Shape(NamedTuple):
    """What was found in a picture. Sizes are in pixels."""

    width: int
    height: int
    circle_width: int
    circle_height: int
    marked: str  # the corner with the mark; "": none

    @property
    def roundness(self) -> float:
        """Width of the circle by its height: 1 is round."""
        return self.circle_width / max(1, self.circle_height)


def circle(sample_aspect: str = "1") -> str:
    """A lavfi filter that draws a white circle, round when each pixel is so many times as wide as high, and a mark in
    the top left corner, on black."""
    distance = f"hypot((X-W/2)*{sample_aspect},Y-H/2)"
    radius = f"min(W*{sample_aspect},H)/3"
    mark = "lt(X,W/6)*lt(Y,H/6)"
    return f"format=yuv420p,geq=lum='if(lt({distance},{radius}),235,if({mark},128,16))':cb=128:cr=128"


def shape(luma: bytes, width: int, height: int, line_size: int) -> Shape:
    rows = [luma[row * line_size : row * line_size + width] for row in range(height)]
    bright = [row for row in range(height) if max(rows[row]) > WHITE]
    columns = [at for at in range(width) if max(row[at] for row in rows) > WHITE]
    wide = columns[-1] - columns[0] + 1 if columns else 0
    high = bright[-1] - bright[0] + 1 if bright else 0
    marked = [
        name
        for name in CORNERS
        if GREY
        < rows[height // 12 if "top" in name else height - 1 - height // 12][
            width // 12 if "left" in name else width - 1 - width // 12
        ]
        < WHITE
    ]
    return Shape(width, height, wide, high, ", ".join(marked))


def shape_of(frame: av.VideoFrame) -> Shape:
    grey = frame.reformat(format="yuv420p")
    return shape(bytes(grey.planes[0]), grey.width, grey.height, grey.planes[0].line_size)


def shapes(path: Path, *times: float) -> list[Shape]:
    """Of the pictures that stand at these times, in seconds, of a video or a picture."""
    wanted = list(times)
    found: list[Shape] = []
    with av.open(str(path), "r") as container:
        stands: av.VideoFrame | None = None
        for frame in container.decode(video=0):
            while wanted and stands is not None and frame.time is not None and frame.time > wanted[0]:
                found.append(shape_of(stands))
                wanted.pop(0)
            stands = frame
        assert stands is not None, "no picture at all"
        found += [shape_of(stands) for _ in wanted]
    return found


def crop(frame: av.VideoFrame, left: int, top: int, width: int, height: int) -> Shape:
    """The shape in a part of a picture: a tile of a storyboard."""
    grey = frame.reformat(format="yuv420p")
    line = grey.planes[0].line_size
    data = bytes(grey.planes[0])
    rows = [data[(top + row) * line + left : (top + row) * line + left + width] for row in range(height)]
    return shape(b"".join(rows), width, height, width)
