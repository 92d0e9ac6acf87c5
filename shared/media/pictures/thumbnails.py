"""The poster, and the small pictures over the seek bar."""

from math import floor
from pathlib import Path

import msgspec

from shared.media.model import Plan, Storyboard, Thumbnails
from shared.media.sandbox.worker import result_of


def make_thumbnails(source: str, plan: Plan, out_dir: Path) -> Thumbnails:
    """A poster (JPEG) and storyboard sheets in `out_dir`, from the source's keyframes only."""
    out_dir.mkdir(parents=True, exist_ok=True)
    return msgspec.json.decode(result_of("thumbnails", source, str(out_dir), plan=plan), type=Thumbnails)


def storyboard_vtt(storyboard: Storyboard, sheet_urls: list[str], duration: float) -> str:
    """WebVTT that gives each span of the timeline its place on a sheet, as players read it (#xywh=)."""
    lines = ["WEBVTT", ""]
    a_sheet = storyboard.columns * storyboard.rows
    for number in range(storyboard.count):
        sheet, place = divmod(number, a_sheet)
        row, column = divmod(place, storyboard.columns)
        x, y = column * storyboard.tile_width, row * storyboard.tile_height
        start = number * storyboard.interval
        end = duration if number == storyboard.count - 1 else start + storyboard.interval
        where = f"#xywh={x},{y},{storyboard.tile_width},{storyboard.tile_height}"
        lines += [f"{_clock(start)} --> {_clock(end)}", sheet_urls[sheet] + where, ""]
    return "\n".join(lines)


def _clock(seconds: float) -> str:
    milliseconds = floor(seconds * 1000 + 0.5)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
