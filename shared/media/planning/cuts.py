"""Where a timeline is cut: arithmetic on integers, no files."""

from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise
from math import floor

NOMINAL = 10  # seconds a segment should last
SNAP = 3  # how far from it a keyframe may be
SHORTEST_TAIL = 1


def choose_cuts(pts: list[int], keyframes: list[int], end: int, time_base: Fraction) -> list[int]:
    """Cut sorted `pts` into segments of about ten seconds.

    The next cut is the keyframe nearest to ten seconds after the last cut, when one lies within three: segments last 7
    to 13 s and start where decoding can start, which makes them cheap. Else it is the first frame at or after the ten.
    What is left is one segment when it is no longer than 13 s; a tail shorter than a second joins the one before.
    """
    nominal, snap, tail = (int(seconds / time_base) for seconds in (NOMINAL, SNAP, SHORTEST_TAIL))
    cuts = [pts[0]]
    while end - cuts[-1] > nominal + snap:
        target = cuts[-1] + nominal
        cut = _nearest(keyframes, target, max(snap, 0))
        if cut is None or cut <= cuts[-1]:
            following = bisect_left(pts, max(target, cuts[-1] + 1))
            if following == len(pts):
                break
            cut = pts[following]
        cuts.append(cut)
    if len(cuts) > 1 and end - cuts[-1] < tail:
        cuts.pop()
    return [*cuts, end]


def _nearest(sorted_values: list[int], target: int, within: int) -> int | None:
    at = bisect_left(sorted_values, target)
    around = sorted_values[max(at - 1, 0) : at + 1]
    near = [value for value in around if abs(value - target) <= within]
    return min(near, key=lambda value: (abs(value - target), value), default=None)


def frames_between(pts: list[int], cuts: list[int]) -> list[int]:
    """How many of the sorted `pts` lie in each segment."""
    at = [bisect_left(pts, cut) for cut in cuts]
    return [after - before for before, after in pairwise(at)]


def thin_out(pts: list[int], cuts: list[int], time_base: Fraction, cap: int) -> list[int]:
    """The pts that remain when at most `cap` frames a second are kept.

    The same arithmetic, in doubles, as the `select` filter of the encode (see `selection`), so that both agree on
    every frame: the first of a segment is kept, then the first in each new 1/cap of a second.
    """
    starts = set(cuts[:-1])
    kept, slot = [], None
    for value in pts:
        now = floor(value * float(time_base) * cap + 0.001)
        if value in starts or slot is None or now > slot:
            kept.append(value)
            slot = now
    return kept


def selection(cap: int) -> str:
    """The `select` filter that does so; without a cap it keeps every picture that is later than the one before."""
    slot = f"floor({{}}*{cap}+0.001)" if cap else "{}"
    variable = "t" if cap else "pts"
    now, before = slot.format(variable), slot.format(f"prev_selected_{variable}")
    return f"select='isnan(prev_selected_{variable})+gt({now},{before})'"
