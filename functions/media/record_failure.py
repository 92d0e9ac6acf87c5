"""The dead letter sink: an event that no retry could get handled is recorded, and its video is marked as failed.

Whose event it was, `?consumer=` tells, or else the knativeerrordest of the event: a Broker does not send that one along
when there was no answer at all.
"""

from base64 import b64decode
from typing import NamedTuple
from urllib.parse import urlsplit

from events import AudioPlanned, SegmentEncoded, SegmentPlanned, SegmentPrioritized, VideoUploaded
from shared.runtime.function import Context, event_function
from shared.videos.work import fail


class Essential(NamedTuple):
    consumer: str
    what: str


# Without these a video cannot become ready. Others (an index entry, a poster, a replica) reap_stalled asks for again:
# SegmentEncoded has consumers of both kinds.
ESSENTIAL = {
    VideoUploaded.type: Essential("plan-video", "The file could not be examined"),
    SegmentPlanned.type: Essential("transcode-segment", "A segment could not be encoded"),
    SegmentPrioritized.type: Essential("transcode-priority", "A segment could not be encoded"),
    AudioPlanned.type: Essential("transcode-audio", "The audio could not be encoded"),
    SegmentEncoded.type: Essential("publish-video", "A segment could not be published"),
}


# The event came twice, and was given up where another delivery of it was at work: which may yet succeed. Should that
# come to nothing, its own dead letter tells, or reap_stalled finds out.
IN_PROGRESS = "409"


@event_function()
def record_failure(context: Context) -> None:
    event = context.event
    detail = _detail(event.get("knativeerrordata"))
    with context.transaction() as tx:
        tx.execute(
            "insert into dead_letter (source, id, type, subject, destination, code, detail)"
            " values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            (
                event["source"],
                event["id"],
                event["type"],
                event.get("subject"),
                event.get("knativeerrordest"),
                event.get("knativeerrorcode"),
                detail,
            ),
        )
        consumer = context.query.get("consumer") or _host(event.get("knativeerrordest"))
        what = _essential(event["type"], consumer)
        video_id = (event.get("subject") or "").partition("/")[0]
        context.log.error("dead letter %s %s: %s", event["type"], event.get("subject"), detail)
        if what and video_id and event.get("knativeerrorcode") != IN_PROGRESS:
            fail(tx, video_id, f"{what}, after several tries. You can ask for another one.")


def _essential(kind: str, consumer: str) -> str | None:
    """What went wrong, if the video cannot do without it. Where no consumer is named it was the essential one."""
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
