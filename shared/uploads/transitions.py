"""Every write to the table upload. An upload is opened once and closed once: completed, aborted or expired."""

from shared.config import integer
from shared.db import Transaction
from shared.uploads.row import MultipartUpload, State, source_key


def open_multipart(
    tx: Transaction,
    upload_id: str,
    video_id: str,
    owner_id: str,
    *,
    node_id: str,
    multipart_id: str,
    name: str,
    size: int,
    part_size: int,
) -> MultipartUpload:
    """An upload in parts, whose node has given it `multipart_id`. Sizes are in bytes."""
    upload = tx.one(
        MultipartUpload,
        """
        insert into upload
            (id, video_id, owner_id, object_key, node_id, multipart_id, name, size, part_size, expires_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, now() + make_interval(hours => %s)) returning *
        """,
        (
            upload_id,
            video_id,
            owner_id,
            source_key(upload_id),
            node_id,
            multipart_id,
            name,
            size,
            part_size,
            _expires_hours(),
        ),
    )
    assert upload is not None, "an insert returns its row"
    return upload


def open_whole(tx: Transaction, upload_id: str, video_id: str, owner_id: str, *, node_id: str, size: int) -> None:
    """An upload in one request. Its name and real size are known when it is completed."""
    tx.execute(
        "insert into upload (id, video_id, owner_id, object_key, node_id, name, size, expires_at)"
        " values (%s, %s, %s, %s, %s, '', %s, now() + make_interval(hours => %s))",
        (upload_id, video_id, owner_id, source_key(upload_id), node_id, size, _expires_hours()),
    )


def complete(tx: Transaction, upload_id: str) -> bool:
    """False when the upload was closed before."""
    return _close(tx, upload_id, State.COMPLETED)


def complete_whole(tx: Transaction, upload_id: str, *, name: str, size: int) -> bool:
    """False when the upload was closed before."""
    closed = tx.execute(
        "update upload set state = %s, closed_at = now(), name = %s, size = %s where id = %s and state = %s",
        (State.COMPLETED, name, size, upload_id, State.OPEN),
    )
    return closed > 0


def abort(tx: Transaction, upload_id: str) -> bool:
    """False when the upload was closed before."""
    return _close(tx, upload_id, State.ABORTED)


def expire(tx: Transaction, upload_id: str) -> bool:
    """False when the upload was closed before."""
    return _close(tx, upload_id, State.EXPIRED)


def abort_all(tx: Transaction, video_id: str) -> None:
    """Aborts the open uploads of a video that is deleted. Queue their parts for deletion first: queue_uploads."""
    tx.execute(
        "update upload set state = %s, closed_at = now() where video_id = %s and state = %s",
        (State.ABORTED, video_id, State.OPEN),
    )


def erase_names(tx: Transaction, video_id: str) -> None:
    """Erases the names of the files that were uploaded for a deleted video."""
    tx.execute("update upload set name = '' where video_id = %s", (video_id,))


def delete_closed(tx: Transaction) -> None:
    """Deletes rows that were closed UPLOAD_EXPIRES_HOURS ago. Until then a late client is told "expired" and not
    "there is none"."""
    tx.execute(
        "delete from upload where state <> %s and closed_at < now() - make_interval(hours => %s)",
        (State.OPEN, _expires_hours()),
    )


def _close(tx: Transaction, upload_id: str, state: State) -> bool:
    closed = tx.execute(
        "update upload set state = %s, closed_at = now() where id = %s and state = %s", (state, upload_id, State.OPEN)
    )
    return closed > 0


def _expires_hours() -> int:
    return integer("UPLOAD_EXPIRES_HOURS")
