"""Where a timeline is cut: arithmetic on integers, no files."""

from bisect import bisect_left, bisect_right
from fractions import Fraction
from itertools import pairwise
from math import floor

NOMINAL_SECONDS = 10  # that a segment should last
SNAP_SECONDS = 3  # how far from that a keyframe may be
SHORTEST_SECONDS = 1


def choose_cuts(
    pts: list[int], keyframes: list[int], span: tuple[int, int], time_base: Fraction, hole_ends: list[int]
) -> list[int]:
    """Cut a timeline into segments of about ten seconds: its start, the time of each cut, its end.

    `pts` are the pictures and `span` the timeline, which may begin before the first picture and end long after the
    last. The next cut is the keyframe nearest to ten seconds after the last cut if one lies within three seconds of
    that: such segments last 7 to 13 s, and they are cheap because decoding can start at their first frame. Otherwise it
    is the first frame at or after ten seconds; where none follows within three seconds, a picture stands, and it is
    simply ten seconds. A rest of at most 13 s is one segment; a rest shorter than a second joins the segment before it.

    `hole_ends` (sorted) are pictures that end a hole, and are cuts where they leave segments of at least a second.
    """
    nominal, snap, shortest = (
        int(seconds / time_base) for seconds in (NOMINAL_SECONDS, SNAP_SECONDS, SHORTEST_SECONDS)
    )
    start, end = span
    cuts = [start]
    while True:
        hole = bisect_left(hole_ends, cuts[-1] + max(shortest, 1))
        limit = hole_ends[hole] if hole < len(hole_ends) else end
        if limit - cuts[-1] <= nominal + snap:
            if limit == end:
                break
            cuts.append(limit)
            continue
        target = cuts[-1] + nominal
        cut = _nearest(keyframes, target, snap)
        if cut is None or cut <= cuts[-1]:
            following = bisect_left(pts, max(target, cuts[-1] + 1))
            cut = max(target, cuts[-1] + 1)
            if following < len(pts) and pts[following] <= target + max(snap, 1):
                cut = pts[following]
        cuts.append(cut)
    if len(cuts) > 1 and end - cuts[-1] < shortest:
        cuts.pop()
    return [*cuts, end]


def _nearest(sorted_values: list[int], target: int, within: int) -> int | None:
    at = bisect_left(sorted_values, target)
    around = sorted_values[max(at - 1, 0) : at + 1]
    near = [value for value in around if abs(value - target) <= within]
    return min(near, key=lambda value: (abs(value - target), value), default=None)


def first_pictures(pts: list[int], cuts: list[int]) -> list[int]:
    """The picture that each segment begins with: the last one before its cut or at it, else the film's first."""
    return [pts[max(0, bisect_right(pts, cut) - 1)] for cut in cuts[:-1]]


def pictures_between(pts: list[int], cuts: list[int]) -> list[list[int]]:
    """When the pictures of each segment are shown: one at its cut, and those of the sorted `pts` after it."""
    segments = []
    for first, cut, after in zip(first_pictures(pts, cuts), cuts, cuts[1:], strict=False):
        begin, end = bisect_right(pts, max(cut, first)), bisect_left(pts, after)
        segments.append([cut, *pts[begin:end]])
    return segments


def thin_out(pts: list[int], cuts: list[int], time_base: Fraction, cap: int) -> list[int]:
    """The pts that remain when at most `cap` frames per second are kept.

    The first frame of a segment is kept, then the first in each new 1/cap of a second. This is the same arithmetic, in
    doubles, as the `select` filter of the encode (shared.media.encode.filters), so that both agree on every frame.
    """
    starts = {first for first, cut in zip(first_pictures(pts, cuts), cuts, strict=False) if first >= cut}
    kept, slot = [], None
    for value in pts:
        now = floor(value * float(time_base) * cap + 0.001)
        if value in starts or slot is None or now > slot:
            kept.append(value)
            slot = now
    return kept


def still_ends(times: list[int], longest: int) -> list[int]:
    """The sorted `times` that come more than `longest` after the one before."""
    return [after for before, after in pairwise(times) if after - before > longest]
