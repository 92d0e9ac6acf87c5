"""Who may see and change a video. One that a caller may not see is not there: 404, never 403."""

from typing import Any

from shared.db import Transaction
from shared.errors import Problem
from shared.identity import Principal, Role


def visible_video(tx: Transaction, video_id: str, principal: Principal | None) -> dict[str, Any]:
    """The row of a video that the caller may watch. Raises Problem not-found."""
    row = tx.one("select * from video where id = %s", (video_id,))
    return refuse_unless_visible(row, video_id, principal)


def refuse_unless_visible(row: dict[str, Any] | None, video_id: str, principal: Principal | None) -> dict[str, Any]:
    """The row again; it has id, owner_id, visibility and state. Raises Problem not-found."""
    if row is None or row["state"] == "deleted" or not (row["visibility"] == "public" or _owns(row, principal)):
        raise _absent(video_id)
    return row


def own_video(tx: Transaction, video_id: str, principal: Principal) -> dict[str, Any]:
    """The row of a video that the caller may change, locked. Raises Problem not-found."""
    row = tx.one("select * from video where id = %s for update", (video_id,))
    if row is None or row["state"] == "deleted" or not _owns(row, principal):
        raise _absent(video_id)
    return row


def _owns(row: dict[str, Any], principal: Principal | None) -> bool:
    return principal is not None and (row["owner_id"] == principal.user_id or principal.role is Role.ADMIN)


def _absent(video_id: str) -> Problem:
    return Problem("not-found", f"There is no video {video_id}.")
