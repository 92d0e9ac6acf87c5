"""Where the audio track is cut: arithmetic in samples and AAC frames, no files."""

from fractions import Fraction
from math import ceil

from shared.media.model import FRAME_SAMPLES, SAMPLE_RATE, Plan


def samples(plan: Plan) -> int:
    """How many samples the published track has: exactly as long as the video."""
    return round(_exact_samples(plan, plan.cuts[-1]))


def boundaries(plan: Plan) -> list[int]:
    """Where the audio of each segment starts, then the end, in AAC frames."""
    inner = [ceil(_exact_samples(plan, cut) / FRAME_SAMPLES) for cut in plan.cuts[:-1]]
    return [*inner, max(ceil(Fraction(samples(plan), FRAME_SAMPLES)), inner[-1] + 1)]


def _exact_samples(plan: Plan, pts: int) -> Fraction:
    return (pts - plan.cuts[0]) * plan.source.time_base.fraction() * SAMPLE_RATE
