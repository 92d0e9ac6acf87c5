"""Write what ffmpeg made as CMAF files: one media segment and its init segment for each rendition."""

import hashlib
from pathlib import Path

from shared.media.model import TIMESCALE, MediaSegment, Plan, Rendition
from shared.media.mp4 import codecs_of, demux, media_segment


def ticks(plan: Plan, pts: int, timescale: int = TIMESCALE) -> int:
    """The published time of a source's `pts`: cut 0 is 0. Rounded once from the exact value, so that joins meet."""
    return round((pts - plan.cuts[0]) * plan.source.time_base.fraction() * timescale)


def write_segment(
    raw: bytes, plan: Plan, index: int, rendition: Rendition, out_dir: Path, *, filler: bool
) -> MediaSegment:
    """Two files in `out_dir`. `raw` is ffmpeg's fragmented MP4, whose times are the source's in TIMESCALE."""
    start, end = ticks(plan, plan.cuts[index]), ticks(plan, plan.cuts[index + 1])
    shift = -round(plan.cuts[0] * plan.source.time_base.fraction() * TIMESCALE)
    parts = demux(raw)
    path = out_dir / f"{rendition.name}-{index:05d}.m4s"
    init_path = out_dir / f"{rendition.name}-{index:05d}-init.mp4"
    size = path.write_bytes(media_segment(parts, index + 1, start, end, shift))
    init_path.write_bytes(parts.init)
    return MediaSegment(
        rendition=rendition.name,
        index=index,
        path=str(path),
        init_path=str(init_path),
        start=start,
        duration=end - start,
        timescale=TIMESCALE,
        frames=len(parts.samples),
        codecs=codecs_of(parts.init),
        size=size,
        init_sha256=hashlib.sha256(parts.init).hexdigest(),
        filler=filler,
    )
