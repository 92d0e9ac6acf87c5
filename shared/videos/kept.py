"""Answers about a video that is ready, kept in the cache until something that they show changes.

An answer is kept under a version of the video: of its row, of where its replicas are, of the nodes, and of the
settings that its URLs are signed with. So a change is seen by the next request in every process, and what was kept
before is never asked for again. Who may see the video is asked of the database each time, before the cache.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any

from shared import cache
from shared.config import integer, setting
from shared.identity import Principal
from shared.videos.visible import refuse_unless_visible

FORMAT = "1"  # another one whenever the code would write other bytes for the same video

SIGNED_WITH = (
    "JWT_SECRET",
    "SIGNED_URL_SECONDS",
    "AWS_ACCESS_KEY_ID",
    "AWS_REGION",
    "S3_ADDRESSING",
    "S3_ENDPOINT_URL",
    "S3_PUBLIC_URL",
)

One = Callable[[str, Any], dict[str, Any] | None]


class Kept:
    """The kept answers about one video, in its present version."""

    def __init__(self, row: dict[str, Any]) -> None:
        self._key = f"video:{row['id']}:{row['row']}:{row['placement']}:{row['epoch']}:{_signing()}:{FORMAT}"
        # an answer that is as old as it may get still has URLs that work for most of their time
        longest = integer("SIGNED_URL_SECONDS", minimum=1) // 12
        self._seconds = min(integer("CACHE_SECONDS"), longest) if row["state"] == "ready" else 0
        self.watched_lately: bool = row["watched_lately"]

    def get(self, name: str) -> bytes | None:
        """None as well while the video is on its way: then it changes too often to be kept."""
        return cache.get(f"{self._key}:{name}") if self._seconds else None

    def forget(self, names: Iterable[str]) -> None:
        cache.forget(*(f"{self._key}:{name}" for name in names))

    def put(self, name: str, answer: bytes) -> None:
        if self._seconds:
            cache.put(f"{self._key}:{name}", answer, self._seconds)


def kept_answers(one: One, video_id: str, principal: Principal | None) -> Kept:
    """`one` reads a row: tx.one or db.read_one. Raises Problem not-found when the caller may not see the video.

    To be read before what an answer is made of: then an answer may be newer than its version, but never older.
    """
    row = one(
        """
        select v.id, v.owner_id, v.visibility, v.state, v.xmin::text as row, ring.epoch,
            (select version::text from placement_version p where p.video_id = v.id) as placement,
            exists (select 1 from watched w where w.video_id = v.id and w.at > now() - interval '1 hour')
                as watched_lately
        from video v cross join ring where v.id = %s
        """,
        (video_id,),
    )
    return Kept(refuse_unless_visible(row, video_id, principal))


def _signing() -> str:
    text = "\n".join(setting(name) for name in SIGNED_WITH)
    return blake2b(text.encode(), digest_size=8).hexdigest()
