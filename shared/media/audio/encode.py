"""The audio track: encoded once as a whole, cut where the video is cut.

One encode has no seams. Each media segment starts at the first AAC frame at or after its video cut, so that the track
runs on over every join without a gap, a click or a repeated sample.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path

import msgspec

from shared.media.model import MediaSegment, Plan
from shared.media.sandbox.worker import results_of

SAMPLE_RATE = 48_000
FRAME = 1024  # samples in an AAC frame
RENDITION = "audio"
BIT_RATE = 128_000


def encode_audio(source: str, plan: Plan, out_dir: Path) -> Iterator[MediaSegment]:
    """The media segments of the audio track, each as soon as it is on disk; nothing when the source has no audio."""
    if plan.source.audio is None:
        return
    out_dir.mkdir(parents=True, exist_ok=True)
    for result in results_of("audio", source, str(out_dir), plan=plan):
        yield msgspec.json.decode(result, type=MediaSegment)


def samples(plan: Plan) -> int:
    """How many samples the published track has: exactly the span of the video."""
    return round(_exact(plan, plan.cuts[-1]))


def boundaries(plan: Plan) -> list[int]:
    """In AAC frames: where each segment's audio starts, and the end."""
    inner = [ceil(_exact(plan, cut) / FRAME) for cut in plan.cuts[:-1]]
    return [*inner, max(ceil(Fraction(samples(plan), FRAME)), inner[-1] + 1)]


def _exact(plan: Plan, pts: int) -> Fraction:
    return (pts - plan.cuts[0]) * plan.source.time_base.fraction() * SAMPLE_RATE
