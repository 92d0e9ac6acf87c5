"""What of a source could not be decoded, by its plan and the segments that were made. Arithmetic only."""

from collections.abc import Iterable

from msgspec import Struct

from shared.media.model import Plan
from shared.videos.segments import EncodedSegment, renditions_of


class TrackDamage(Struct, frozen=True):
    """`track` is a rendition of the audio, "audio" or "audio-2"; of the picture, which is one in all its renditions,
    "video"."""

    track: str
    missing_s: float


class Damage(Struct, frozen=True):
    """`length_s` is that of the video; `message` says all of it in a sentence."""

    length_s: float
    tracks: list[TrackDamage]
    message: str


def damage(plan: Plan, segments: Iterable[EncodedSegment]) -> Damage | None:
    """None when everything was decoded. Of the pictures the worst rendition counts."""
    length = round(plan.seconds(plan.cuts[-1]), 3)
    missing = dict.fromkeys(renditions_of(plan), 0.0)
    for segment in segments:
        missing[segment.rendition] = missing.get(segment.rendition, 0.0) + segment.missing_seconds
    pictures = max((missing[rendition.name] for rendition in plan.renditions), default=0.0)
    lost = {"video": pictures} | {track.rendition: missing[track.rendition] for track in plan.source.audio}
    if not plan.source.audio and any(each.kind == "audio" and each.units for each in plan.source.streams):
        lost["audio"] = length  # the source has sound, and a probe could decode none of it
    tracks = [TrackDamage(name, round(min(seconds, length), 3)) for name, seconds in lost.items() if seconds > 0]
    return Damage(length, tracks, _sentence(length, tracks)) if tracks else None


def _sentence(length: float, tracks: list[TrackDamage]) -> str:
    parts = [_part(each, length) for each in tracks]
    text = ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else parts[0]
    return f"{text[0].upper()}{text[1:]} could not be decoded."


def _part(track: TrackDamage, length: float) -> str:
    names = {"video": "the picture", "audio": "the sound"}
    share = "all" if track.missing_s >= length else f"{_seconds(track.missing_s)} of {_seconds(length)}"
    return f"{share} of {names.get(track.track, f'the sound of {track.track}')}"


def _seconds(value: float) -> str:
    return f"{round(value, 1) or value:g} s"
