"""The dead letter sink: an event that no retry could get handled is recorded, and its video is marked as failed.

`?consumer=` names the consumer that did not take it, or else the event's knativeerrordest: a Broker leaves that one out
when there was no answer at all.
"""

from base64 import b64decode
from typing import NamedTuple
from urllib.parse import urlsplit

from events import AudioPlanned, SegmentEncoded, SegmentPlanned, SegmentPrioritized, VideoUploaded
from shared.outbox.dead_letters import record_dead_letter
from shared.runtime.function import Context, event_function
from shared.videos.transitions import fail


class Essential(NamedTuple):
    consumer: str
    what: str


# Without these a video cannot become ready. Other events (for an index entry, a poster, a replica) are sent again by
# reap_stalled. SegmentEncoded has consumers of both kinds.
ESSENTIAL = {
    VideoUploaded.type: Essential("plan-video", "The file could not be examined"),
    SegmentPlanned.type: Essential("transcode-segment", "A segment could not be encoded"),
    SegmentPrioritized.type: Essential("transcode-priority", "A segment could not be encoded"),
    AudioPlanned.type: Essential("transcode-audio", "The audio could not be encoded"),
    SegmentEncoded.type: Essential("publish-video", "A segment could not be published"),
}


# The code of an event that came twice, while another delivery of it was still being handled. That one may yet succeed.
# If it fails, it has a dead letter of its own, or reap_stalled finds the video.
IN_PROGRESS = "409"


@event_function()
def record_failure(context: Context) -> None:
    event = context.event
    detail = _detail(event.get("knativeerrordata"))
    with context.transaction() as tx:
        record_dead_letter(
            tx,
            event["source"],
            event["id"],
            event["type"],
            subject=event.get("subject"),
            destination=event.get("knativeerrordest"),
            code=event.get("knativeerrorcode"),
            detail=detail,
        )
        consumer = context.query.get("consumer") or _host(event.get("knativeerrordest"))
        what = _essential(event["type"], consumer)
        video_id = (event.get("subject") or "").partition("/")[0]
        context.log.error("dead letter %s %s: %s", event["type"], event.get("subject"), detail)
        if what and video_id and event.get("knativeerrorcode") != IN_PROGRESS:
            fail(tx, video_id, f"{what}, after several tries. You can ask for another one.")


def _essential(kind: str, consumer: str) -> str | None:
    """What went wrong, if the video cannot do without it. When no consumer is named, the essential one is assumed."""
    essential = ESSENTIAL.get(kind)
    return essential.what if essential and consumer in ("", essential.consumer) else None


def _host(destination: str | None) -> str:
    return (urlsplit(destination or "").hostname or "").partition(".")[0]


def _detail(data: str | None) -> str:
    """The answer of the last try; knativeerrordata is base64."""
    try:
        text = b64decode(data or "").decode(errors="replace")
    except ValueError:
        text = data or ""
    return text.replace("\0", "")[:2000]  # PostgreSQL's text does not hold that character
