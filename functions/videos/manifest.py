"""HLS and DASH manifests, and the storyboard. The media they name is fetched from the object store by signed URL."""

from typing import Any

import msgspec
from msgspec import Struct

from shared.db import Transaction, read_one
from shared.media.manifests import NotYet, Piece, Published, dash_mpd, hls_master, hls_media
from shared.media.model import Plan, Storyboard
from shared.media.pictures.storyboard import storyboard_vtt
from shared.runtime.function import PUBLIC, Context, Problem, Response, http_function
from shared.storage import signed_urls
from shared.videos.kept import kept_answers
from shared.videos.view import plan_of
from shared.videos.visible import visible_video
from shared.videos.watched import note_watched

TYPES = {"m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml", "vtt": "text/vtt; charset=utf-8"}
MASTER = "master.m3u8"
MARK = "\0token\0"  # where a token goes; no text from a client holds U+0000


class Manifest(Struct):
    id: str
    name: str  # master.m3u8, <rendition>.m3u8, manifest.mpd or storyboard.vtt


@http_function("GET /api/videos/{id}/manifest/{name}", access=PUBLIC, query_token=True)
def manifest(request: Manifest, context: Context) -> Response:
    content_type = TYPES.get(request.name.rpartition(".")[2])
    if content_type is None:
        raise _no_such(request.name)
    kept = kept_answers(read_one, request.id, context.principal)
    text, complete = kept.get(f"manifest:{request.name}"), True
    if text is None or not kept.watched_lately:
        with context.transaction() as tx:
            if text is None:
                video = visible_video(tx, request.id, context.principal)
                text, complete = _made(tx, video, request.name)
                if complete:
                    kept.put(f"manifest:{request.name}", text)
            if not kept.watched_lately:
                note_watched(tx, request.id)
    if request.name == MASTER:
        text = _with_token(text, context.query.get("token"))
    # while segments arrive players ask again and again; afterwards only the signatures grow old
    caching = "private, max-age=300" if complete else "no-store"
    return Response(200, text, content_type, {"Cache-Control": caching})


def _made(tx: Transaction, video: dict[str, Any], name: str) -> tuple[bytes, bool]:
    """The text, and whether it is what it will be from now on."""
    plan = plan_of(video)
    if plan is None:
        raise _not_yet(video)
    if name == "storyboard.vtt":
        return _storyboard(tx, video, plan), True
    rendition = name.removesuffix(".m3u8") if name != MASTER and name.endswith(".m3u8") else None
    published = _published(tx, video, plan, rendition, urls=name != MASTER)
    try:
        text = _text(published, name).encode()
    except NotYet as error:
        raise _not_yet(video) from error
    return text, published.is_whole(rendition) if rendition else published.complete


def _text(published: Published, name: str) -> str:
    if name == MASTER:
        return hls_master(published, lambda rendition: f"{rendition}.m3u8{MARK}")
    if name == "manifest.mpd":
        return dash_mpd(published)
    rendition, dot, extension = name.rpartition(".")
    if dot and extension == "m3u8" and rendition in published.expected:
        return hls_media(published, rendition)
    raise _no_such(name)


def _with_token(master: bytes, token: str | None) -> bytes:
    """A player adds nothing to the URLs that it follows, so they carry the token; the kept text is everybody's."""
    suffix = f"?token={token}" if token else ""
    return master.replace(MARK.encode(), suffix.encode())


def _published(tx: Transaction, video: dict[str, Any], plan: Plan, rendition: str | None, *, urls: bool) -> Published:
    """All renditions, or one. A URL costs the most, so only those that are shown are signed."""
    rows = tx.all(
        "select rendition, index, object_key, init_key, start, duration, timescale, size, codecs from media_segment"
        " where video_id = %(video)s and object_key is not null"
        " and (%(rendition)s::text is null or rendition = %(rendition)s) order by rendition, index",
        {"video": video["id"], "rendition": rendition},
    )
    keys = {key for row in rows for key in (row["object_key"], row["init_key"])}
    signed = signed_urls(tx, keys) if urls else dict.fromkeys(keys, "")
    pieces: dict[str, list[Piece]] = {}
    for row in rows:
        piece = Piece(
            index=row["index"],
            url=signed[row["object_key"]],
            init_url=signed[row["init_key"]],
            start=row["start"],
            duration=row["duration"],
            timescale=row["timescale"],
            size=row["size"],
            codecs=row["codecs"],
            init_sha256=row["init_key"],  # the key holds a hash of the bytes
        )
        pieces.setdefault(row["rendition"], []).append(piece)
    return Published(plan, pieces)


def _storyboard(tx: Transaction, video: dict[str, Any], plan: Plan) -> bytes:
    if video["storyboard"] is None:
        raise _not_yet(video)
    board = msgspec.convert(video["storyboard"], Storyboard)
    urls = signed_urls(tx, board.sheets)
    return storyboard_vtt(board, [urls[key] for key in board.sheets], plan.seconds(plan.cuts[-1])).encode()


def _no_such(name: str) -> Problem:
    return Problem("not-found", f"There is no manifest {name}: ask for master.m3u8, manifest.mpd or storyboard.vtt.")


def _not_yet(video: dict[str, Any]) -> Problem:
    if video["state"] == "failed":
        return Problem("wrong-state", f"The video failed: {video['reason']}", state="failed")
    return Problem(
        "wrong-state",
        f"The video is {video['state']}: this is not there yet.",
        headers={"Retry-After": "1"},
        state=video["state"],
    )
