"""The frame rate that a source really has, and how long its last picture is shown. Arithmetic only."""

from fractions import Fraction
from itertools import pairwise
from statistics import median

DEFAULT_FRAME_RATE = Fraction(25)
MAX_LAST_PICTURE_SECONDS = 10
STILL_SECONDS = Fraction(1, 4)  # a picture that stands longer is a still phase


def tidy_rate(measured: Fraction, named: Fraction) -> Fraction:
    """Frames per second: what the file names (0: nothing) if the measured rate agrees, else what was measured.

    A measured rate close to a whole number, or to n * 1000/1001 (NTSC), is rounded to it.
    """
    if named and abs(named / measured - 1) < Fraction(1, 50):
        return named.limit_denominator(100_000)
    ntsc = Fraction(round(measured * 1001, -3), 1001) if measured > 1 else measured
    for candidate in (Fraction(round(measured)), ntsc):
        if candidate and abs(candidate / measured - 1) < Fraction(1, 1000):
            return candidate
    return measured.limit_denominator(1000)


def typical_rate(pts: list[int], time_base: Fraction, named: Fraction) -> Fraction:
    """Frames per second where pictures follow one another; what is named, or the default, for a film of one picture.

    Still phases do not count: a screen recording of 25 frames per second has them while the screen changes.
    """
    gaps = [after - before for before, after in pairwise(pts)]
    moving = [gap for gap in gaps if gap * time_base <= STILL_SECONDS] or gaps
    if not moving:
        return named or DEFAULT_FRAME_RATE
    return len(moving) / (sum(moving) * time_base)


def last_duration(pts: list[int], duration: int, time_base: Fraction, frame_rate: Fraction) -> int:
    """How long the last picture is shown, in `time_base`: what its packet says unless that is absurd."""
    usual = int(median(after - before for before, after in pairwise(pts))) if len(pts) > 1 else 0
    usual = usual or max(1, round(1 / (frame_rate or DEFAULT_FRAME_RATE) / time_base))
    longest = max(4 * usual, int(MAX_LAST_PICTURE_SECONDS / time_base))
    return duration if 0 < duration <= longest else usual
