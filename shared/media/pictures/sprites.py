"""Make the poster and the storyboard sheets of a source. Child side: runs only inside the sandbox."""

from math import ceil
from pathlib import Path

from shared.media.model import Plan, Storyboard, Thumbnails
from shared.media.pictures.jpeg import jpeg, scaled
from shared.media.pictures.keyframes import Keyframes
from shared.media.pictures.sheets import ROWS, Sheets
from shared.media.planning.ladder import even_size
from shared.media.probe.container import open_container

TILE_BOX = (90, 160)  # pixels: short side, long side
POSTER_BOX = (720, 1280)
PICTURES = 100  # of a short video; a long one gets one every MAX_INTERVAL_SECONDS
MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS = 1.0, 10.0
POSTER_CANDIDATES = 12


def draw_thumbnails(source: str, plan: Plan, out_dir: Path) -> Thumbnails:
    """The storyboard, and as poster the candidate with the largest JPEG: black and blurred pictures make small ones."""
    length = plan.seconds(plan.cuts[-1])
    interval = min(max(length / PICTURES, MIN_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)
    count = max(1, ceil(length / interval - 0.05))
    tile = even_size(plan.source.width, plan.source.height, *TILE_BOX)
    sheets = Sheets(*tile, count, out_dir)
    best: tuple[int, float] = (-1, 0.0)
    with open_container(source) as container:
        keyframes = Keyframes(container, plan)
        for number in range(count):
            time = (number + 0.5) * min(interval, length)
            small = scaled(keyframes.at(time), plan, *tile)
            sheets.add(small)
            if number % max(1, count // POSTER_CANDIDATES) == 0:
                best = max(best, (len(jpeg(small)), time))
        size = even_size(plan.source.width, plan.source.height, *POSTER_BOX)
        poster = jpeg(scaled(keyframes.at(best[1]), plan, *size))
    poster_path = out_dir / "poster.jpg"
    poster_path.write_bytes(poster)
    return Thumbnails(str(poster_path), Storyboard(*tile, sheets.columns, ROWS, interval, count, sheets.finish()))
