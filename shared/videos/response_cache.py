"""Responses about a ready video, cached until something that they show changes.

The key of a response holds a version of the video: of its row, of where its replicas are, of the nodes, and of the
settings that its URLs are signed with. So every process sees a change with the next request, and a response to an
older version is never asked for again. Whether the viewer may see the video is checked in the database each time,
before the cache is asked.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from msgspec import Struct

from shared import cache
from shared.config import integer, setting
from shared.identity import Principal
from shared.videos.state import State, Visibility
from shared.videos.visibility import refuse_unless_visible

FORMAT = "2"  # to be changed whenever the code would write other bytes for the same video

SIGNED_WITH = (
    "JWT_SECRET",
    "SIGNED_URL_SECONDS",
    "AWS_ACCESS_KEY_ID",
    "AWS_REGION",
    "S3_ADDRESSING",
    "S3_ENDPOINT_URL",
    "S3_PUBLIC_URL",
)


class Version(Struct, frozen=True):
    """The present version of a video, and what decides who may see it."""

    id: str
    owner_id: str
    visibility: Visibility
    state: State
    row: str
    epoch: int  # of the ring of nodes
    placement: str | None  # of its replicas; None: it has none
    watched_lately: bool


class ResponseCache:
    """The cached responses about one video, in its present version."""

    def __init__(self, video: Version) -> None:
        self._key = f"video:{video.id}:{video.row}:{video.placement}:{video.epoch}:{_signing()}:{FORMAT}"
        # the URLs in the oldest response that is still served work for most of their time
        longest = integer("SIGNED_URL_SECONDS") // 12
        self._seconds = min(integer("CACHE_SECONDS"), longest) if video.state is State.READY else 0
        self.watched_lately = video.watched_lately

    def get(self, name: str) -> bytes | None:
        """Always None until the video is ready: before, it changes too often."""
        return cache.get(f"{self._key}:{name}") if self._seconds else None

    def put(self, name: str, response: bytes) -> None:
        if self._seconds:
            cache.put(f"{self._key}:{name}", response, self._seconds)

    def forget(self, names: Iterable[str]) -> None:
        cache.forget(*(f"{self._key}:{name}" for name in names))


def response_cache(
    one: Callable[[type[Version], str, Any], Version | None], video_id: str, viewer: Principal | None
) -> ResponseCache:
    """`one` reads a row: tx.one or db.read_one. Raises Problem not-found when the viewer may not see the video.

    To be called before the data of the response is read: then a response may be newer than its version, never older.
    """
    video = one(
        Version,
        """
        select v.id, v.owner_id, v.visibility, v.state, v.xmin::text as row, ring.epoch,
            (select version::text from placement_version p where p.video_id = v.id) as placement,
            exists (select 1 from watched w where w.video_id = v.id and w.at > now() - interval '1 hour')
                as watched_lately
        from video v cross join ring where v.id = %s
        """,
        (video_id,),
    )
    return ResponseCache(refuse_unless_visible(video, video_id, viewer))


def _signing() -> str:
    text = "\n".join(setting(name) for name in SIGNED_WITH)
    return blake2b(text.encode(), digest_size=8).hexdigest()
