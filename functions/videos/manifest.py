"""HLS and DASH manifests, and the storyboard.

The media that they name is fetched from the object store by signed URL; DASH comes to it by way of get_media.
"""

from collections.abc import Iterable

from msgspec import Struct

from shared.db import Transaction, read_one
from shared.media.manifests import (
    NotYet,
    Piece,
    Published,
    SubtitleText,
    dash_mpd,
    hls_master,
    hls_media,
    hls_subtitles,
)
from shared.media.model import Plan
from shared.media.pictures.storyboard import storyboard_vtt
from shared.runtime.function import PUBLIC, Context, Problem, Response, http_function
from shared.runtime.links import relative
from shared.storage import granted_folder, signed_urls
from shared.videos.response_cache import response_cache
from shared.videos.row import VideoRow, visible_video
from shared.videos.segments import playable_segments
from shared.videos.state import State
from shared.videos.subtitles import subtitles_of
from shared.videos.watched import note_watched

PATH = "/api/videos/{id}/manifest/{name}"
TYPES = {"m3u8": "application/vnd.apple.mpegurl", "mpd": "application/dash+xml", "vtt": "text/vtt; charset=utf-8"}
MASTER = "master.m3u8"
DASH = "manifest.mpd"
PLACEHOLDER = "\0token\0"  # where a token is put in; no text from a client holds U+0000


class Manifest(Struct):
    id: str
    name: str  # master.m3u8, <rendition>.m3u8 (also of subtitles), manifest.mpd or storyboard.vtt


@http_function(f"GET {PATH}", access=PUBLIC, query_token=True)
def manifest(request: Manifest, context: Context) -> Response:
    content_type = TYPES.get(request.name.rpartition(".")[2])
    if content_type is None:
        raise _no_such(request.name)
    cache = response_cache(read_one, request.id, context.principal)
    text, complete = cache.get(f"manifest:{request.name}"), True
    if text is None or not cache.watched_lately:
        with context.transaction() as tx:
            if text is None:
                video = visible_video(tx, request.id, context.principal)
                text, complete = _render(tx, video, request.name)
                if complete:
                    cache.put(f"manifest:{request.name}", text)
            if not cache.watched_lately:
                note_watched(tx, request.id)
    if request.name == MASTER:
        text = _with_token(text, context.query.get("token"))
    # while segments arrive players ask again and again; afterwards only the signatures grow old
    caching = "private, max-age=300" if complete else "no-store"
    return Response(200, text, content_type, {"Cache-Control": caching})


def _render(tx: Transaction, video: VideoRow, name: str) -> tuple[bytes, bool]:
    """The text, and whether it is final."""
    plan = video.plan
    if plan is None:
        raise _not_yet(video)
    if name == "storyboard.vtt":
        return _storyboard(tx, video, plan), True
    rendition = name.removesuffix(".m3u8") if name != MASTER and name.endswith(".m3u8") else None
    published = _published(tx, video.id, plan, rendition)
    try:
        text = _text(published, name, video.id).encode()
    except NotYet as error:
        raise _not_yet(video) from error
    if rendition:
        return text, rendition in published.subtitles or published.is_whole(rendition)
    # a subtitle that is not there yet changes the row when it comes, and so the version that is cached
    return text, published.complete


def _text(published: Published, name: str, video_id: str) -> str:
    if name == MASTER:
        return hls_master(published, lambda rendition: f"{rendition}.m3u8{PLACEHOLDER}")
    if name == DASH:
        return dash_mpd(published, f"../../../media/{granted_folder(video_id)}/files/")
    rendition, dot, extension = name.rpartition(".")
    if dot and extension == "m3u8":
        if rendition in published.expected:
            return hls_media(published, rendition)
        if rendition in published.subtitles:
            return hls_subtitles(published, rendition)
    raise _no_such(name)


def _with_token(master: bytes, token: str | None) -> bytes:
    """A player adds nothing to the URLs that it follows, so they carry the token; the cached text is without one."""
    suffix = f"?token={token}" if token else ""
    return master.replace(PLACEHOLDER.encode(), suffix.encode())


def _published(tx: Transaction, video_id: str, plan: Plan, rendition: str | None) -> Published:
    """All renditions, or one. Signing URLs takes the most time, so only those of one, which shows them, are signed."""
    segments = playable_segments(tx, video_id, rendition)
    texts = {name: row for name, row in subtitles_of(tx, video_id).items() if rendition in (None, name)}
    keys = {key for segment in segments for key in (segment.object_key, segment.init_key)}
    keys |= {row.object_key for row in texts.values()}
    signed = _urls(tx, keys) if rendition else dict.fromkeys(keys, "")
    pieces: dict[str, list[Piece]] = {}
    for segment in segments:
        piece = Piece(
            index=segment.index,
            url=signed[segment.object_key],
            init_url=signed[segment.init_key],
            start=segment.start,
            duration=segment.duration,
            timescale=segment.timescale,
            size=segment.size,
            codecs=segment.codecs,
            init_sha256=segment.init_key,  # the key holds a hash of the bytes
        )
        pieces.setdefault(segment.rendition, []).append(piece)
    return Published(plan, pieces, {name: SubtitleText(signed[r.object_key], r.size) for name, r in texts.items()})


def _urls(tx: Transaction, keys: Iterable[str]) -> dict[str, str]:
    """Players resolve them against the manifest's own URL, in which a proxy may have put more than we know."""
    return {key: relative(PATH, url) for key, url in signed_urls(tx, keys).items()}


def _storyboard(tx: Transaction, video: VideoRow, plan: Plan) -> bytes:
    board = video.storyboard
    if board is None:
        raise _not_yet(video)
    urls = _urls(tx, board.sheets)
    return storyboard_vtt(board, [urls[key] for key in board.sheets], plan.seconds(plan.cuts[-1])).encode()


def _no_such(name: str) -> Problem:
    return Problem("not-found", f"There is no manifest {name}: ask for master.m3u8, manifest.mpd or storyboard.vtt.")


def _not_yet(video: VideoRow) -> Problem:
    if video.state is State.FAILED:
        return Problem("wrong-state", f"The video failed: {video.reason}", state=video.state)
    return Problem(
        "wrong-state",
        f"The video is {video.state}: this is not there yet.",
        headers={"Retry-After": "1"},
        state=video.state,
    )
