"""From what a scan found to a plan: where to cut, where to seek, which rungs. Arithmetic only, no files."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise
from math import ceil

from shared.media.errors import MediaError
from shared.media.model import FRAME_SAMPLES, SAMPLE_RATE, TIMESCALE, Entry, Plan, Ratio, ScanResult, SourceInfo
from shared.media.planning.cuts import choose_cuts, first_pictures, pictures_between, still_ends, thin_out
from shared.media.planning.frame_rate import STILL_SECONDS
from shared.media.planning.ladder import STANDARD, ladder

MAX_FRAME_RATE = 60  # frames per second
SEEK_MARGIN_SECONDS = 2  # before a keyframe, in containers where seeks are not exact
DELAY_FRAMES = 2  # between decoding and showing a picture: B-frames that other B-frames refer to
LONGEST_PICTURE_SECONDS = 5
HOLE_EVERY_SECONDS = 30  # a film with fewer still phases gets a cut after each, and B-frames elsewhere
MAX_HOURS = 100


def build_plan(scan: ScanResult, rungs: list[str] = STANDARD) -> Plan:
    """`rungs` names those that may be used, highest first.

    Raises MediaError when the timestamps make a timeline that no film has.
    """
    info = scan.info
    time_base = info.time_base.fraction()
    pts = scan.pts
    if (scan.end - scan.start) * time_base > MAX_HOURS * 3600:
        raise MediaError(f"By its timestamps the video lasts more than {MAX_HOURS} hours: they are damaged.")
    cuts = choose_cuts(pts, scan.keyframes, (scan.start, scan.end), time_base, _holes(scan))
    frame_rate, cap = info.frame_rate.fraction(), 0
    if frame_rate > MAX_FRAME_RATE * Fraction(101, 100):
        cap = MAX_FRAME_RATE
        pts = thin_out(pts, cuts, time_base, cap)
        frame_rate = Fraction(cap)
    longest = max(after - before for before, after in pairwise(cuts)) * time_base
    segments = pictures_between(pts, cuts)
    still = int(STILL_SECONDS / time_base)
    repeats = [_repeats(times[-1], after, time_base) for times, after in zip(segments, cuts[1:], strict=True)]
    moving = frame_rate * STILL_SECONDS > 1 and not any(still_ends(times, still) for times in segments)
    moving &= 2 * sum(map(bool, repeats)) <= len(repeats)  # else there is hardly a place for B-frames
    first = first_pictures(scan.pts, cuts)
    return Plan(
        source=info,
        cuts=cuts,
        frames=[len(times) + again for times, again in zip(segments, repeats, strict=True)],
        renditions=ladder(info.width, info.height, frame_rate, rungs),
        output_frame_rate=Ratio.of(frame_rate),
        # an audio segment may be one AAC frame longer than the video it goes with
        target_duration=max(1, ceil(longest + Fraction(FRAME_SAMPLES, SAMPLE_RATE))),
        seeks=seeks(first, scan.keyframes, info),
        frame_rate_cap=cap,
        first=first,
        entries=_entries(first, scan),
        repeats=repeats,
        delay=round(DELAY_FRAMES * TIMESCALE / frame_rate) if moving else 0,
    )


def _repeats(last: int, after: int, time_base: Fraction) -> int:
    """How often the last picture of a segment is shown again, when it stands for long: mpv takes a picture of ten
    seconds for a fault, and libavformat's DASH demuxer ends the film where one stream does."""
    stands = (after - last) * time_base
    return ceil(stands / LONGEST_PICTURE_SECONDS) if stands > STILL_SECONDS else 0


def _holes(scan: ScanResult) -> list[int]:
    """Pictures that end a still phase, where those are so rare that a cut after each costs less than no B-frames."""
    time_base = scan.info.time_base.fraction()
    ends = still_ends(scan.pts, int(STILL_SECONDS / time_base))
    rare = len(ends) * HOLE_EVERY_SECONDS <= (scan.end - scan.start) * time_base + HOLE_EVERY_SECONDS
    return ends if rare else []


def seeks(first: list[int], keyframes: list[int], info: SourceInfo) -> list[int | None]:
    """Where decoding starts for each segment: at its first picture, or well before that one's keyframe where a seek is
    not exact.

    None: at the beginning of the source.
    """
    beginning = first[0]
    if info.seekable:
        return [pts if pts > beginning else None for pts in first]
    margin = int(SEEK_MARGIN_SECONDS / info.time_base.fraction())
    found: list[int | None] = []
    for pts in first:
        at = bisect_right(keyframes, pts)
        start = keyframes[at - 1] - margin if at else beginning
        found.append(start if start > beginning + margin else None)
    return found


def _entries(first: list[int], scan: ScanResult) -> list[Entry]:
    """The keyframe at or before each segment's first picture; where there is none, the beginning of the source."""
    if scan.info.reading is None:
        return []
    found = []
    for pts in first:
        at = bisect_right(scan.keyframes, pts)
        found.append(scan.entries[scan.keyframes[at - 1]] if at else Entry(0, 0, -1))
    return found
