"""Make the poster and the storyboard sheets of a source. Child side: runs only inside the sandbox."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from pathlib import Path

from av.video.frame import VideoFrame
from msgspec import Struct

from shared.media.model import TIMESCALE, Plan, Storyboard, Thumbnails
from shared.media.pictures.film import Film, Moment
from shared.media.pictures.jpeg import jpeg
from shared.media.pictures.packets import PassingPackets, SeekingPackets
from shared.media.pictures.scaled import Scaler, is_dark
from shared.media.pictures.sheets import ROWS, Sheets
from shared.media.planning.ladder import even_size
from shared.media.probe.container import open_container

TILE_BOX = (90, 160)  # pixels: short side, long side
POSTER_BOX = (720, 1280)
PICTURES = 100  # of a short video; a long one gets one every MAX_INTERVAL_SECONDS
MIN_INTERVAL_SECONDS, MAX_INTERVAL_SECONDS = 1.0, 10.0
POSTER_CANDIDATES = 12
OLDEST_SECONDS = 2.0  # a keyframe so long before a tile's time still stands for it; the interval where that is longer
# CPU seconds that decoding between keyframes may take: a small part of what the encode takes.
MIN_CPU_SECONDS, MAX_CPU_SECONDS, CPU_PER_SECOND = 3.0, 1800.0, 0.02
SEARCH_SECONDS = 1 / 12  # between pictures that are looked at where every tile is dark
FADE_SECONDS = 2.0  # after the first picture that is not dark, in which the best one is looked for


def draw_thumbnails(source: str, plan: Plan, out_dir: Path) -> Thumbnails:
    """The storyboard, and as poster the candidate with the largest JPEG: black and blurred pictures make small ones."""
    length = plan.seconds(plan.cuts[-1])
    interval = min(max(length / PICTURES, MIN_INTERVAL_SECONDS), MAX_INTERVAL_SECONDS)
    count = max(1, ceil(length / interval - 0.05))
    size = even_size(plan.source.width, plan.source.height, *TILE_BOX)
    tiles = Scaler(plan.source, *size)
    sheets = Sheets(*size, count, out_dir)
    oldest = max(interval, OLDEST_SECONDS)
    poster = _Poster(plan)
    with _film(source, plan, oldest) as film:
        for number in range(count):
            time = (number + 0.5) * min(interval, length)
            moment = film.near(time)
            tile = tiles.scaled(moment.frame, moment.pixel) if moment else tiles.black()
            if moment is None or moment.time < (time - oldest) * TIMESCALE or is_dark(tile):
                exact = film.at(time)
                if exact is not None and exact is not moment:
                    moment, tile = exact, tiles.scaled(exact.frame, exact.pixel)
            sheets.add(tile)
            if number % max(1, count // POSTER_CANDIDATES) == 0 or poster.is_dark:
                poster.consider(moment, tile)
    if poster.is_dark:
        with _film(source, plan, oldest) as film:
            _look_for_light(film, poster, tiles)
    poster_path = out_dir / "poster.jpg"
    poster_path.write_bytes(poster.jpeg())
    return Thumbnails(str(poster_path), Storyboard(*size, sheets.columns, ROWS, interval, count, sheets.finish()))


class _Score(Struct, frozen=True, order=True):
    bright: bool
    size: int  # bytes of a small JPEG


class _Poster:
    """The best of the pictures considered."""

    def __init__(self, plan: Plan) -> None:
        self._info = plan.source
        self._best: Moment | None = None
        self._score = _Score(bright=False, size=-1)

    @property
    def is_dark(self) -> bool:
        return not self._score.bright

    def consider(self, moment: Moment | None, tile: VideoFrame) -> None:
        score = _Score(bright=not is_dark(tile), size=len(jpeg(tile)))
        if score > self._score:
            self._best, self._score = moment, score

    def jpeg(self) -> bytes:
        size = even_size(self._info.width, self._info.height, *POSTER_BOX)
        scaler = Scaler(self._info, *size)
        return jpeg(scaler.scaled(self._best.frame, self._best.pixel) if self._best else scaler.black())


@contextmanager
def _film(source: str, plan: Plan, oldest: float) -> Iterator[Film]:
    cpu_seconds = min(max(MIN_CPU_SECONDS, plan.seconds(plan.cuts[-1]) * CPU_PER_SECOND), MAX_CPU_SECONDS)
    if plan.source.reading is not None:
        yield Film(PassingPackets(source, plan), cpu_seconds)
        return
    with open_container(source) as container:
        yield Film(SeekingPackets(container, plan, round(oldest / 4 * TIMESCALE)), cpu_seconds)


def _look_for_light(film: Film, poster: _Poster, tiles: Scaler) -> None:
    """Every tile is dark: look at pictures from the beginning on until one is not, and a little further."""
    film.near(0.0)
    film.at(0.0)
    seen, until = -TIMESCALE, None
    for moment in film.pictures():
        if until is not None and moment.time > until:
            return
        if moment.time - seen < SEARCH_SECONDS * TIMESCALE:
            continue
        seen = moment.time
        poster.consider(moment, tiles.scaled(moment.frame, moment.pixel))
        if until is None and not poster.is_dark:
            until = moment.time + round(FADE_SECONDS * TIMESCALE)
