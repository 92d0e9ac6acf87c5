"""Where a timeline is cut: arithmetic on integers, no files."""

from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise
from math import floor

NOMINAL_SECONDS = 10  # that a segment should last
SNAP_SECONDS = 3  # how far from that a keyframe may be
SHORTEST_TAIL_SECONDS = 1


def choose_cuts(pts: list[int], keyframes: list[int], end: int, time_base: Fraction) -> list[int]:
    """Cut sorted `pts` into segments of about ten seconds: the first pts of each segment, then `end`.

    The next cut is the keyframe nearest to ten seconds after the last cut if one lies within three seconds of that:
    such segments last 7 to 13 s, and they are cheap because decoding can start at their first frame. Otherwise it is
    the first frame at or after ten seconds. A rest of at most 13 s is one segment; a rest shorter than a second joins
    the segment before it.
    """
    nominal, snap, tail = (
        int(seconds / time_base) for seconds in (NOMINAL_SECONDS, SNAP_SECONDS, SHORTEST_TAIL_SECONDS)
    )
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
    """The pts that remain when at most `cap` frames per second are kept.

    The first frame of a segment is kept, then the first in each new 1/cap of a second. This is the same arithmetic, in
    doubles, as the `select` filter of the encode (shared.media.encode.filters), so that both agree on every frame.
    """
    starts = set(cuts[:-1])
    kept, slot = [], None
    for value in pts:
        now = floor(value * float(time_base) * cap + 0.001)
        if value in starts or slot is None or now > slot:
            kept.append(value)
            slot = now
    return kept
