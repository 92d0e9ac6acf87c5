"""The table `subtitle`: one row for each subtitle track of a video that has become a WebVTT file."""

from collections.abc import Mapping

from msgspec import Struct

from shared.db import Transaction
from shared.storage import Replica, record


class SubtitleRow(Struct, frozen=True):
    rendition: str  # "subtitles-1" …
    object_key: str
    size: int  # bytes


def record_subtitles(tx: Transaction, video_id: str, files: Mapping[str, Replica]) -> None:
    """All that the video has, by rendition: the source is not needed for them any more."""
    for rendition, stored in files.items():
        record(tx, stored)
        tx.execute(
            "insert into subtitle (video_id, rendition, object_key, size) values (%s, %s, %s, %s)"
            " on conflict (video_id, rendition) do update set object_key = excluded.object_key, size = excluded.size",
            (video_id, rendition, stored.object.key, stored.object.size),
        )
    tx.execute("update video set subtitles_done = true where id = %s", (video_id,))


def subtitles_of(tx: Transaction, video_id: str) -> dict[str, SubtitleRow]:
    """By rendition."""
    rows = tx.all(SubtitleRow, "select rendition, object_key, size from subtitle where video_id = %s", (video_id,))
    return {row.rendition: row for row in rows}


def subtitle_key(tx: Transaction, video_id: str, rendition: str) -> str | None:
    """The object of one; None when there is none, or its video was deleted."""
    return tx.value(
        str,
        "select object_key from subtitle s join video v on v.id = s.video_id"
        " where s.video_id = %s and rendition = %s and v.state <> 'deleted'",
        (video_id, rendition),
    )


def delete_subtitles(tx: Transaction, video_id: str) -> None:
    tx.execute("delete from subtitle where video_id = %s", (video_id,))
