"""How much the clock of a recorded sound drifts against the timestamps of its file."""

from fractions import Fraction
from itertools import pairwise
from statistics import median

from shared.media.probe.packets import UNKNOWN, AudioPackets

LEAST = 2e-4  # below that, it is rounding
MOST = 0.02  # above that, the timestamps mean something else
LEAST_SECONDS = 0.025  # of drift over the whole track: less is not heard
JITTER_SECONDS = Fraction(1, 800)  # by which steps may differ: more is another sample rate
GAP = 1.5  # times the usual step


def stretch(packets: AudioPackets) -> float:
    """Seconds by the timestamps for each second of samples; 1 where they agree, or where packets differ in length."""
    frame = packets.first_frame
    if frame is None or packets.frame_samples <= 0 or len(packets.runs) > 1:
        return 1.0
    steps = [after - before for before, after in pairwise(packets.pts) if UNKNOWN not in (before, after)]
    if len(steps) < 10:
        return 1.0
    usual = median(steps)
    going_on = [step for step in steps if 0 < step < GAP * usual]
    jitter = max(2, round(JITTER_SECONDS / packets.time_base))
    if len(going_on) < 0.9 * len(steps) or max(going_on) - min(going_on) > jitter:
        return 1.0
    by_timestamps = float(sum(going_on) * packets.time_base)
    by_samples = len(going_on) * packets.frame_samples / frame.sample_rate
    ratio = by_timestamps / by_samples
    drifts = LEAST < abs(ratio - 1) < MOST and abs(by_timestamps - by_samples) > LEAST_SECONDS
    return ratio if drifts else 1.0
