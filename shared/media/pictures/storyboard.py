"""The WebVTT file that tells a player which part of a sheet belongs to which time."""

from math import floor

from shared.media.model import Storyboard


def storyboard_vtt(storyboard: Storyboard, sheet_urls: list[str], duration: float) -> str:
    """WebVTT with one cue per picture: the URL of its sheet and, as a media fragment (#xywh=), its rectangle on it.

    `sheet_urls` are in the order of `storyboard.sheets`; `duration` is that of the video, in seconds.
    """
    lines = ["WEBVTT", ""]
    per_sheet = storyboard.columns * storyboard.rows
    for number in range(storyboard.count):
        sheet, tile = divmod(number, per_sheet)
        row, column = divmod(tile, storyboard.columns)
        x, y = column * storyboard.tile_width, row * storyboard.tile_height
        start = number * storyboard.interval
        end = duration if number == storyboard.count - 1 else start + storyboard.interval
        rectangle = f"#xywh={x},{y},{storyboard.tile_width},{storyboard.tile_height}"
        lines += [f"{_timestamp(start)} --> {_timestamp(end)}", sheet_urls[sheet] + rectangle, ""]
    return "\n".join(lines)


def _timestamp(seconds: float) -> str:
    milliseconds = floor(seconds * 1000 + 0.5)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
