"""A picture of counts over time, stacked: SVG, which needs no library and can be read in a diff."""

from collections.abc import Callable
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 420, 50, 190, 30, 45
COLORS = ("#1f4e79", "#2e86c1", "#76b7e5", "#c0703c", "#e3a857", "#7a9a4d", "#b5b5b5")


class Series(NamedTuple):
    name: str
    values: list[int]


def stacked(times: list[float], series: list[Series], mark: tuple[float, str]) -> str:
    """Steps: a count holds until the next one. `mark` is a moment with its name."""
    end = times[-1]
    top: int = max(sum(column) for column in zip(*(one.values for one in series), strict=True))

    def x(at: float) -> float:
        return round(LEFT + at / end * (WIDTH - LEFT - RIGHT), 1)

    def y(count: int) -> float:
        return round(HEIGHT - BOTTOM - count / top * (HEIGHT - TOP - BOTTOM), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
        ' font-size="12" fill="#333">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for count in range(0, top + 1, max(1, top // 5)):
        parts.append(f'<path d="M{LEFT} {y(count)}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(count) + 4}" text-anchor="end">{count}</text>')
    below = [0] * len(times)
    for number, one in enumerate(series):
        above = [low + value for low, value in zip(below, one.values, strict=True)]
        parts.append(f'<path d="{_area(times, below, above, x, y)}" fill="{COLORS[number]}"/>')
        level = TOP + 14 + 20 * (len(series) - 1 - number)
        parts.append(
            f'<rect x="{WIDTH - RIGHT + 15}" y="{level - 10}" width="12" height="12" fill="{COLORS[number]}"/>'
        )
        parts.append(f'<text x="{WIDTH - RIGHT + 33}" y="{level}">{one.name}</text>')
        below = above
    step = next(one for one in (5, 10, 20, 30, 60, 120, 300) if end / one <= 12)
    for second in range(0, int(end) + 1, step):
        parts.append(f'<text x="{x(second)}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{second}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">seconds</text>')
    parts.append(f'<text x="{LEFT}" y="{TOP - 12}">pods</text>')
    at, name = mark
    parts.append(f'<path d="M{x(at)} {TOP}V{HEIGHT - BOTTOM}" stroke="#333" stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{x(at) + 5}" y="{TOP + 10}">{name}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _area(
    times: list[float], below: list[int], above: list[int], x: Callable[[float], float], y: Callable[[int], float]
) -> str:
    forth, back = [], []
    for number, at in enumerate(times):
        until = times[min(number + 1, len(times) - 1)]
        forth += [f"{x(at)} {y(above[number])}", f"{x(until)} {y(above[number])}"]
        back += [f"{x(at)} {y(below[number])}", f"{x(until)} {y(below[number])}"]
    return "M" + "L".join([*forth, *reversed(back)]) + "Z"
