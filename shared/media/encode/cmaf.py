"""Write what ffmpeg made as CMAF files: one media segment and its init segment for each rendition."""

import hashlib
from pathlib import Path

from shared.media.errors import EncodeError
from shared.media.model import TIMESCALE, MediaSegment, Plan, Rendition
from shared.media.mp4 import FragmentedFile, codecs_of, demux, media_segment, with_edit_list


def ticks(plan: Plan, pts: int, timescale: int = TIMESCALE) -> int:
    """The published time of a source's `pts`: cut 0 is 0. Rounded once from the exact value, so that joins meet."""
    return round((pts - plan.cuts[0]) * plan.source.time_base.fraction() * timescale)


def write_segment(
    raw: bytes,
    plan: Plan,
    index: int,
    rendition: Rendition,
    out_dir: Path,
    *,
    filler: bool,
    missing: float,
    times: list[int] | None,
) -> MediaSegment:
    """Two files in `out_dir`. `raw` is ffmpeg's fragmented MP4, whose times are the source's in TIMESCALE.

    `times` are the true ones of its pictures, in order of presentation, where the encoder did not know them.
    """
    start, end = ticks(plan, plan.cuts[index]), ticks(plan, plan.cuts[index + 1])
    shift = -round(plan.cuts[0] * plan.source.time_base.fraction() * TIMESCALE)
    parts = _retimed(demux(raw), times) if times else demux(raw)
    if plan.repeats_in(index) and not filler:
        parts = _repeats_in_time(parts, plan, index, (start - shift, end - shift))
    path = out_dir / f"{rendition.name}-{index:05d}.m4s"
    init_path = out_dir / f"{rendition.name}-{index:05d}-init.mp4"
    try:
        data = media_segment(parts, index + 1, start, end, shift, plan.delay)
    except ValueError as error:
        raise EncodeError(f"Segment {index} of {rendition.name}: {error}") from error
    init = with_edit_list(parts.init, plan.delay)
    size = path.write_bytes(data)
    init_path.write_bytes(init)
    return MediaSegment(
        rendition=rendition.name,
        index=index,
        path=str(path),
        init_path=str(init_path),
        start=start,
        duration=end - start,
        timescale=TIMESCALE,
        frames=len(parts.samples),
        codecs=codecs_of(init),
        size=size,
        init_sha256=hashlib.sha256(init).hexdigest(),
        filler=filler,
        missing=round(missing, 3),
    )


def _repeats_in_time(parts: FragmentedFile, plan: Plan, index: int, span: tuple[int, int]) -> FragmentedFile:
    """The same samples, those that repeat the last picture at their times. One that shows no other: from its own on."""
    shown = sorted(sample.pts for sample in parts.samples)
    own = shown[: max(1, len(shown) - plan.repeats_in(index))]
    own[0] = span[0]  # it stands at the cut, whatever its own time is
    again = plan.repeat_times(index, own[-1], span[1])
    return _retimed(parts, [*own, *again][: len(shown)])


def _retimed(parts: FragmentedFile, times: list[int]) -> FragmentedFile:
    """The same samples, the first to be presented at times[0], and so on. Raises EncodeError when they do not match."""
    if len(parts.samples) != len(times):
        raise EncodeError(f"{len(times)} pictures were sent to the encoder, {len(parts.samples)} came out")
    order = sorted(range(len(times)), key=lambda place: parts.samples[place].pts)
    time_of = dict(zip(order, times, strict=True))
    samples = [sample._replace(pts=time_of[place]) for place, sample in enumerate(parts.samples)]
    return parts._replace(samples=samples)
