"""What became of a video, as one object for scripts: the same from `wadi upload --watch` and `wadi demo`."""

from typing import Any
from urllib.parse import urljoin

from cli.api import Api
from cli.errors import CliError
from cli.exits import Exit
from cli.model import Status, Video


def result(api: Api, video: Video, status: Status | None = None) -> dict[str, Any]:
    """URLs are absolute. `token` is there when fetching them needs one; `reason` when the video failed; `damage` when
    part of the file could not be decoded."""
    state = status.state if status else video.state
    found: dict[str, Any] = {
        "id": video.id,
        "title": video.title,
        "state": state,
        "playable_after_s": status.playable_after_s if status else video.playable_after_s,
        "ready_after_s": status.ready_after_s if status else video.ready_after_s,
        "indexed": status.indexed if status else False,
        "hls_url": api.url(video.hls_url or f"/api/videos/{video.id}/manifest/master.m3u8"),
        "dash_url": api.url(video.dash_url or f"/api/videos/{video.id}/manifest/manifest.mpd"),
    }
    page = urljoin(found["hls_url"], f"../../../../watch/{video.id}")  # from /api/videos/<id>/manifest/
    if state == "ready" and api.has_page(page):
        found["watch_url"] = page  # the single box has a player; a cluster may have another
    if state == "failed":
        found["reason"] = (status.reason if status else video.reason) or "no reason was given"
    if status and status.damage:
        found["damage"] = status.damage.message
    if video.visibility == "private":
        found["token"] = api.token()
    return found


def no_result(file: str | None, error: CliError) -> dict[str, Any]:
    """The object for a file that did not become a video."""
    return {"id": None, "file": file and _valid(file), "state": "failed", "reason": _valid(error.message)}


def _valid(text: str) -> str:
    """A file's name may hold bytes that are no text."""
    return text.encode(errors="replace").decode()


def exit_of(state: str) -> Exit:
    """We stop watching at the end of the work, or when the time given for it is over."""
    return {"ready": Exit.OK, "failed": Exit.VIDEO_FAILED}.get(state, Exit.TIMED_OUT)
