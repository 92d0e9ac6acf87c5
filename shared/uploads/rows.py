"""The rows of uploads and of the videos they bring."""

from typing import Any

from shared.db import Transaction
from shared.errors import Problem
from shared.identity import Principal, Role
from shared.storage import Replica, record
from shared.uploads.details import Details
from shared.videos import transitions
from shared.videos.row import VideoRow


def source_key(upload_id: str) -> str:
    """Where the source of an upload is stored."""
    return f"sources/{upload_id}"


def own_upload(tx: Transaction, upload_id: str, caller: Principal, *, lock: bool = False) -> dict[str, Any]:
    """The row of an upload in parts, open or completed, of the caller. Raises Problem not-found or gone."""
    if lock:
        tx.execute("select 1 from upload where id = %s for update", (upload_id,))
    row = tx.one("select *, expires_at < now() as late from upload where id = %s", (upload_id,))
    if (
        row is None
        or row["multipart_id"] is None
        or not (row["owner_id"] == caller.user_id or caller.role is Role.ADMIN)
    ):
        raise Problem("not-found", f"There is no upload {upload_id}.")
    if row["state"] == "aborted":
        raise Problem("gone", "The upload was aborted. Start again.")
    if row["state"] == "expired" or (row["state"] == "open" and row["late"]):
        raise Problem("gone", "The upload has expired. Start again.")
    return row


def insert_video(tx: Transaction, video_id: str, owner_id: str, details: Details, size: int) -> None:
    """A video whose source is on its way."""
    transitions.create(
        tx,
        video_id,
        owner_id,
        title=details.title,
        description=details.description,
        tags=details.tags,
        visibility=details.visibility,
        source_name=details.name,
        source_size=size,
    )


def source_arrived(tx: Transaction, video_id: str, source: Replica) -> VideoRow:
    """Records the source, and tells that the video is uploaded; its row. Raises Problem gone."""
    video = transitions.source_arrived(tx, video_id, source.object.key, source.object.size)
    if video is None:
        raise Problem("gone", "The video of this upload was deleted.")
    record(tx, source)
    return video
