"""Probe a source and decide how it is cut: one pass over its packets."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from math import ceil
from statistics import median

import msgspec

from shared.media.model import Plan, Ratio, SourceInfo
from shared.media.planning.cuts import choose_cuts, frames_between, thin_out
from shared.media.planning.ladder import ladder
from shared.media.sandbox.worker import result_of

AUDIO_FRAME = Fraction(1024, 48_000)
HIGHEST_FRAME_RATE = 60
SEEK_BACK = 2  # seconds before a keyframe, where seeks are not exact


def plan(source: str) -> Plan:
    """The plan for the file (or signed URL) `source`; raises MediaError when it can never become a video."""
    return msgspec.json.decode(result_of("plan", source), type=Plan)


class Survey(msgspec.Struct):
    """What one pass over the packets found."""

    pts: list[int]  # sorted, of every packet that gives a picture
    keyframes: list[int]
    end: int
    info: SourceInfo


def plan_from(survey: Survey) -> Plan:
    """Arithmetic only."""
    info = survey.info
    time_base = info.time_base.fraction()
    pts = survey.pts
    cuts = choose_cuts(pts, survey.keyframes, survey.end, time_base)
    frame_rate, cap = info.frame_rate.fraction(), 0
    if frame_rate > HIGHEST_FRAME_RATE * Fraction(101, 100):
        cap = HIGHEST_FRAME_RATE
        pts = thin_out(pts, cuts, time_base, cap)
        frame_rate = Fraction(cap)
    longest = max(after - before for before, after in pairwise(cuts)) * time_base
    return Plan(
        source=info,
        cuts=cuts,
        frames=frames_between(pts, cuts),
        renditions=ladder(info.width, info.height, frame_rate),
        output_frame_rate=ratio(frame_rate),
        target_duration=max(1, ceil(longest + AUDIO_FRAME)),
        seeks=seeks(cuts, survey.keyframes, info),
        frame_rate_cap=cap,
    )


def seeks(cuts: list[int], keyframes: list[int], info: SourceInfo) -> list[int | None]:
    """Where decoding starts for each segment: its cut, or well before its keyframe where a seek is not exact."""
    if info.counted:
        return [None for _ in cuts[:-1]]
    if info.seekable:
        return [None, *cuts[1:-1]]
    margin = int(SEEK_BACK / info.time_base.fraction())
    found: list[int | None] = []
    for cut in cuts[:-1]:
        at = bisect_right(keyframes, cut)
        start = keyframes[at - 1] - margin if at else cuts[0]
        found.append(start if start > cuts[0] + margin else None)
    return found


def ratio(value: Fraction) -> Ratio:
    return Ratio(value.numerator, value.denominator)


def tidy_rate(measured: Fraction, named: Fraction) -> Fraction:
    """The rate the file names when the frames bear it out, else what was measured."""
    if named and abs(named / measured - 1) < Fraction(1, 50):
        return named.limit_denominator(100_000)
    nearest = Fraction(round(measured * 1001, -3), 1001) if measured > 1 else measured
    for candidate in (Fraction(round(measured)), nearest):
        if candidate and abs(candidate / measured - 1) < Fraction(1, 1000):
            return candidate
    return measured.limit_denominator(1000)


def last_duration(pts: list[int], duration: int, time_base: Fraction, frame_rate: Fraction) -> int:
    """How long the last picture is shown: what its packet says unless that is absurd."""
    usual = int(median(after - before for before, after in pairwise(pts))) if len(pts) > 1 else 0
    usual = usual or max(1, round(1 / (frame_rate or Fraction(25)) / time_base))
    return duration if 0 < duration <= max(4 * usual, int(10 / time_base)) else usual
