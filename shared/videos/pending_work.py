"""The events that ask for what a video still needs."""

from msgspec.structs import replace

from events import AudioPlanned, Event, SegmentEncoded, SegmentPlanned, SegmentPrioritized, VideoUploaded
from shared.db import Transaction
from shared.identity import Role
from shared.media.model import Plan
from shared.outbox.pending import Condition
from shared.videos import segments
from shared.videos.row import VideoRow


def uploaded_event(video: VideoRow) -> VideoUploaded:
    """Of a video whose source has arrived, so that none of these is None."""
    return VideoUploaded(video.id, video.source_key or "", video.source_name or "", video.source_size or 0)


def planned_events(tx: Transaction, video_id: str, owner_id: str, plan: Plan) -> list[Event]:
    """All that a plan asks for, the most urgent first: segment 0 in the lowest rendition and the default audio make a
    video playable, several times sooner than all renditions of segment 0 would."""
    prioritized = tx.value(Role, "select role from account where id = %s", (owner_id,)) is Role.ENTERPRISE

    def segment(index: int, renditions: list[str]) -> Event:
        if prioritized:
            return SegmentPrioritized(video_id, index, renditions)
        return SegmentPlanned(video_id, index, renditions)

    names = [rendition.name for rendition in plan.renditions]
    events: list[Event] = [segment(0, names[-1:])]
    audio = [AudioPlanned(video_id, track.rendition) for track in plan.source.audio]
    events += audio[:1]
    if names[:-1]:
        events.append(segment(0, names[:-1]))
    events += audio[1:]
    events += [segment(index, names) for index in range(1, plan.segments)]
    return events


def remaining_events(tx: Transaction, video: VideoRow) -> list[Event]:
    """The same without what is done.

    When everything is encoded, one segment is published again: publish_video cannot have counted them all.
    """
    if video.plan is None:
        return [uploaded_event(video)]
    done = segments.encoded_positions(tx, video.id)
    counted = range(video.plan.segments)
    events: list[Event] = []
    for event in planned_events(tx, video.id, video.owner_id, video.plan):
        if isinstance(event, SegmentPlanned):
            missing = [name for name in event.renditions if (name, event.index) not in done]
            if missing:
                events.append(replace(event, renditions=missing))
        elif isinstance(event, AudioPlanned) and any((event.rendition, index) not in done for index in counted):
            events.append(event)
    return events or [*_encoded_events(tx, "video_id = %(video)s", {"video": video.id, "limit": 1})]


def unplaced_events(tx: Transaction, after: int, nothing_pending: Condition, limit: int) -> list[SegmentEncoded]:
    """For segments without all their replicas `after` seconds after they were encoded."""
    late = "placed_at is null and encoded_at < now() - make_interval(secs => %(after)s)"
    return _encoded_events(tx, f"{late} and {nothing_pending('s.video_id')}", {"after": after, "limit": limit})


def _encoded_events(tx: Transaction, condition: str, params: dict[str, object]) -> list[SegmentEncoded]:
    """For encoded segments that meet a condition, which is one of those above."""
    return tx.all(
        SegmentEncoded,
        "select id as segment_id, video_id, rendition, index, object_key, init_key from media_segment s"  # noqa: S608
        f" where object_key is not null and {condition} order by encoded_at limit %(limit)s",
        params,
    )
