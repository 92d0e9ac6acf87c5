"""Whether a published video holds all that its source held: the check before a source is deleted. Arithmetic only.

It compares the plan (what the demuxer counted in the source) with the segments (what was encoded). No picture may be
missing. It doubts rather than trusts: a source that is kept in vain costs space, one that is deleted in vain a film.
"""

from collections.abc import Collection
from itertools import groupby

from shared.media.model import COVER_PICTURE, FRAME_SAMPLES, SAMPLE_RATE, Plan, StreamCount, subtitle_rendition
from shared.videos.damage import damage
from shared.videos.segments import EncodedSegment, renditions_of

# Seconds by which a sound stream may count longer than the timeline, in each part of a source: encoders put priming in
# front of it and padding behind it, which the demuxer counts and nobody is to hear (AAC: up to 0.1 s, at 22 kHz).
PRIMING = 0.25


def losses(plan: Plan, segments: list[EncodedSegment], subtitles: Collection[str]) -> list[str]:
    """Sentences: what the video may lack of its source; empty when it is whole.

    `segments` are those that are encoded, `subtitles` the renditions of subtitles that were extracted.
    """
    harm = damage(plan, segments)
    return [
        *([harm.message] if harm else []),
        *_planned_losses(plan),
        *_left_out(plan),
        *_rendition_losses(plan, segments),
        *_subtitle_losses(plan, subtitles),
    ]


def _planned_losses(plan: Plan) -> list[str]:
    """What the demuxer counted and the plan has no place for. A plan from before these counts has none to compare."""
    found = []
    published = {track.stream_index: track for track in plan.source.audio}
    length = plan.seconds(plan.cuts[-1])
    parts = len(plan.source.reading.parts) if plan.source.reading else 1
    for stream in plan.source.streams:
        if stream.left_out:
            continue
        if stream.kind == "video" and not plan.frame_rate_cap and stream.units > _distinct_pictures(plan):
            found.append(f"The source has {stream.units} pictures, and {_distinct_pictures(plan)} are in the plan.")
        if stream.kind == "audio":
            track = published.get(stream.stream_index)
            if track is None:
                found.append(f"The sound of {_named(stream)} is in no rendition.")
            elif stream.units / track.sample_rate * track.stretch > length + PRIMING * parts:
                seconds = stream.units / track.sample_rate * track.stretch
                found.append(f"The sound of {_named(stream)} lasts {seconds:.1f} s, and the video {length:.1f} s.")
    return found


def _distinct_pictures(plan: Plan) -> int:
    """A picture that stands over the beginning of a segment is counted in an earlier segment too, or comes again."""
    repeated = sum(first != cut for first, cut in zip(plan.first, plan.cuts, strict=False)) + sum(plan.repeats)
    return sum(plan.frames) - repeated


def _left_out(plan: Plan) -> list[str]:
    """Films and sound that were not published. Covers, subtitles that are pictures and data are knowingly left out."""
    return [
        f"The {'picture' if stream.kind == 'video' else 'sound'} of {_named(stream)} is not published: "
        f"{stream.left_out}."
        for stream in plan.source.streams
        if stream.kind in ("video", "audio") and stream.units and stream.left_out not in ("", COVER_PICTURE)
    ]


def _named(stream: StreamCount) -> str:
    return f"stream {stream.stream_index} ({stream.codec})"


def _rendition_losses(plan: Plan, segments: list[EncodedSegment]) -> list[str]:
    """One sentence for each rendition that is not what was planned."""
    by_name = {
        name: list(each) for name, each in groupby(sorted(segments, key=_place), key=lambda segment: segment.rendition)
    }
    audio = {track.rendition for track in plan.source.audio}
    found = []
    for name in renditions_of(plan):
        row = by_name.get(name, [])
        if [segment.index for segment in row] != list(range(plan.segments)):
            found.append(f"Not every segment of {name} is there once.")
            continue
        if not _is_continuous(row):
            found.append(f"The segments of {name} do not follow one another.")
        if abs(_end(row) - plan.seconds(plan.cuts[-1])) > (_audio_frame() if name in audio else 1 / row[0].timescale):
            found.append(f"{name} is {_end(row):.2f} s long, and the video {plan.seconds(plan.cuts[-1]):.2f} s.")
        if name in audio:
            if any(segment.frames * FRAME_SAMPLES != segment.duration for segment in row):
                found.append(f"A segment of {name} has fewer samples than it lasts.")
        elif different := [each.index for each in row if not plan.is_complete(each.index, each.frames)]:
            made, planned = sum(each.frames for each in row), sum(plan.frames)
            found.append(
                f"{name} has {made} pictures, where {planned} were planned: segment {different[0]} is the first"
                " that differs."
            )
    pictures = {tuple(each.frames for each in by_name.get(r.name, [])) for r in plan.renditions}
    if len(pictures) > 1:
        found.append("The renditions do not have equally many pictures.")
    return found


def _place(segment: EncodedSegment) -> tuple[str, int]:
    return segment.rendition, segment.index


def _is_continuous(row: list[EncodedSegment]) -> bool:
    ends = [0, *(segment.start + segment.duration for segment in row)]
    return all(segment.start == end for segment, end in zip(row, ends, strict=False))


def _end(row: list[EncodedSegment]) -> float:
    return (row[-1].start + row[-1].duration) / row[-1].timescale


def _audio_frame() -> float:
    """Seconds: a track ends with a whole AAC frame."""
    return FRAME_SAMPLES / SAMPLE_RATE


def _subtitle_losses(plan: Plan, subtitles: Collection[str]) -> list[str]:
    return [
        f"The subtitles of stream {track.stream_index} ({track.codec}) could not be extracted."
        for number, track in enumerate(plan.source.subtitles, 1)
        if subtitle_rendition(number) not in subtitles
    ]
