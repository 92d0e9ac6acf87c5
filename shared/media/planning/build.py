"""From what a scan found to a plan: where to cut, where to seek, which rungs. Arithmetic only, no files."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from math import ceil

from shared.media.model import FRAME_SAMPLES, SAMPLE_RATE, Plan, Ratio, ScanResult, SourceInfo
from shared.media.planning.cuts import choose_cuts, frames_between, thin_out
from shared.media.planning.ladder import STANDARD, ladder

MAX_FRAME_RATE = 60  # frames per second
SEEK_MARGIN_SECONDS = 2  # before a keyframe, in containers where seeks are not exact


def build_plan(scan: ScanResult, rungs: list[str] = STANDARD) -> Plan:
    """`rungs` names those that may be used, highest first."""
    info = scan.info
    time_base = info.time_base.fraction()
    pts = scan.pts
    cuts = choose_cuts(pts, scan.keyframes, scan.end, time_base)
    frame_rate, cap = info.frame_rate.fraction(), 0
    if frame_rate > MAX_FRAME_RATE * Fraction(101, 100):
        cap = MAX_FRAME_RATE
        pts = thin_out(pts, cuts, time_base, cap)
        frame_rate = Fraction(cap)
    longest = max(after - before for before, after in pairwise(cuts)) * time_base
    return Plan(
        source=info,
        cuts=cuts,
        frames=frames_between(pts, cuts),
        renditions=ladder(info.width, info.height, frame_rate, rungs),
        output_frame_rate=Ratio.of(frame_rate),
        # an audio segment may be one AAC frame longer than the video it goes with
        target_duration=max(1, ceil(longest + Fraction(FRAME_SAMPLES, SAMPLE_RATE))),
        seeks=seeks(cuts, scan.keyframes, info),
        frame_rate_cap=cap,
    )


def seeks(cuts: list[int], keyframes: list[int], info: SourceInfo) -> list[int | None]:
    """Where decoding starts for each segment: at its cut, or well before its keyframe where a seek is not exact.

    None: at the beginning of the source.
    """
    if info.counted:
        return [None for _ in cuts[:-1]]
    if info.seekable:
        return [None, *cuts[1:-1]]
    margin = int(SEEK_MARGIN_SECONDS / info.time_base.fraction())
    found: list[int | None] = []
    for cut in cuts[:-1]:
        at = bisect_right(keyframes, cut)
        start = keyframes[at - 1] - margin if at else cuts[0]
        found.append(start if start > cuts[0] + margin else None)
    return found
