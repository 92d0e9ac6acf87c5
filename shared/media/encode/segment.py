"""Encode one segment of a video: one ffmpeg that decodes it once and makes every rendition named."""

from pathlib import Path

from shared.media.encode.cmaf import write_segment
from shared.media.encode.job import SegmentJob
from shared.media.model import MediaSegment, Plan

FURTHER_BACK_SECONDS = 30  # where the second attempt at an incomplete segment starts to decode, before the first one


def encode_segment(
    source: str,
    plan: Plan,
    index: int,
    renditions: list[str],
    out_dir: Path,
    *,
    threads: int = 1,
    niceness: int = 0,
) -> list[MediaSegment]:
    """Segment `index` of each rendition named, as CMAF files in `out_dir`.

    `threads` decode and scale; each encoder has one, so that the bytes are the same on every machine.

    The timeline is never cut short: where nothing can be decoded, the last picture before it is repeated (`filler`).
    Raises MediaError when `source` is not the file that was planned, EncodeError when encoding failed otherwise.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    job = SegmentJob(source, plan, index, renditions, out_dir, threads, niceness)
    raw = _encode(job, plan, plan.seeks[index])
    filler = job.piped.standing if job.piped else False
    if job.frames(raw) == 0:
        filler, raw = True, job.encode_filler()
    times = job.piped.times if job.piped else None
    missing = _missing(job, plan, index, raw, filler=filler)
    return [
        write_segment(data, plan, index, rendition, out_dir, filler=filler, times=times, missing=missing)
        for data, rendition in zip(raw, job.renditions, strict=True)
    ]


def _missing(job: SegmentJob, plan: Plan, index: int, raw: list[bytes], *, filler: bool) -> float:
    """Seconds of the segment that could not be decoded: its share of the planned pictures that are not there."""
    length = plan.seconds(plan.cuts[index + 1]) - plan.seconds(plan.cuts[index])
    if filler:
        return length
    if job.is_complete(raw):
        return 0.0
    return length * max(0, plan.frames[index] - job.frames(raw)) / plan.frames[index]  # more than planned is no loss


def _encode(job: SegmentJob, plan: Plan, seek: int | None) -> list[bytes]:
    """The attempt that comes closest to the plan.

    An exit code of 0 proves nothing. An incomplete segment is decoded again from further back, and at last from the
    beginning. Two attempts from different places that agree are right: the source has fewer pictures than packets.
    """
    first = job.encode(seek)
    if job.is_complete(first) or seek is None:
        return first
    further = _further_back(plan, seek)
    second = job.encode(further)
    if not job.is_complete(second) and job.frames(second) != job.frames(first) and further is not None:
        second = job.encode(None)
    return min(first, second, key=job.missing)


def _further_back(plan: Plan, seek: int) -> int | None:
    further = seek - int(FURTHER_BACK_SECONDS / plan.source.time_base.fraction())
    return further if further > plan.cuts[0] else None
