"""Rows of the table upload, with types."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from shared.db import Transaction
from shared.errors import Problem
from shared.identity import Principal, Role


class State(StrEnum):
    """How far an upload is. The values are those of the API and of the column `state`."""

    OPEN = "open"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EXPIRED = "expired"


class MultipartUpload(Struct, frozen=True):
    """An upload in parts. Sizes are in bytes."""

    id: str
    video_id: str
    owner_id: str
    object_key: str
    node_id: str
    multipart_id: str  # the node's own id of it
    name: str
    size: int
    part_size: int
    state: State
    expires_at: datetime
    late: bool = False  # open, but expires_at is past: expire_uploads will close it


class DueUpload(Struct, frozen=True):
    """An upload that has expired. `multipart_id` is None when the file came in one request."""

    id: str
    video_id: str
    object_key: str
    node_id: str
    multipart_id: str | None


def source_key(upload_id: str) -> str:
    """Where the source of an upload is stored."""
    return f"sources/{upload_id}"


def own_upload(tx: Transaction, upload_id: str, caller: Principal, *, lock: bool = False) -> MultipartUpload:
    """An upload in parts of the caller, open or completed. Raises Problem not-found or gone."""
    if lock:  # first: `late` is to be computed from the row as it is once the lock is there
        tx.execute("select 1 from upload where id = %s for update", (upload_id,))
    upload = tx.one(
        MultipartUpload,
        "select *, state = %s and expires_at < now() as late from upload where id = %s and multipart_id is not null",
        (State.OPEN, upload_id),
    )
    if upload is None or not (upload.owner_id == caller.user_id or caller.role is Role.ADMIN):
        raise Problem("not-found", f"There is no upload {upload_id}.")
    if upload.state is State.ABORTED:
        raise Problem("gone", "The upload was aborted. Start again.")
    if upload.state is State.EXPIRED or upload.late:
        raise Problem("gone", "The upload has expired. Start again.")
    return upload


def lock_due(tx: Transaction, limit: int) -> list[DueUpload]:
    """Uploads that have expired and are still open, the oldest first. Their rows are locked; those that others have
    locked are left out."""
    return tx.all(
        DueUpload,
        "select * from upload where state = %s and expires_at < now() order by expires_at limit %s"
        " for update skip locked",
        (State.OPEN, limit),
    )


def lock_uploads(tx: Transaction, video_id: str) -> None:
    """Until `tx` ends, none of the video's uploads is completed or aborted."""
    tx.execute("select 1 from upload where video_id = %s order by id for update", (video_id,))


def open_multiparts(tx: Transaction, multipart_ids: list[str]) -> set[str]:
    """Those of the ids whose upload is open."""
    return set(
        tx.values(
            str,
            "select multipart_id from upload where multipart_id = any(%s) and state = %s",
            (multipart_ids, State.OPEN),
        )
    )
