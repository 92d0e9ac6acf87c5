"""Leads to the media that a DASH manifest names: its URLs are short, and one permission is good for all of a video."""

from msgspec import Struct

from shared.db import Transaction
from shared.media.manifests import MediaFile
from shared.objects import signing
from shared.runtime.function import ANYONE, Context, Problem, Response, http_function
from shared.runtime.links import relative
from shared.storage import signed_url
from shared.videos.segments import segment_keys
from shared.videos.subtitles import subtitle_key


class GetMedia(Struct):
    """`grant`: the permission, as it stands in the manifest. `file`: "1080p.12.m4s", "1080p.12.mp4" (its init segment)
    or "subtitles-1.vtt"."""

    grant: str
    file: str


PATH = "/api/media/{grant}/files/{file}"


@http_function(f"GET {PATH}", access=ANYONE)
def get_media(request: GetMedia, context: Context) -> Response:
    video_id = signing.granted(request.grant)
    file = MediaFile.parse(request.file)
    with context.transaction() as tx:
        key = _key(tx, video_id, file) if file else None
        if key is None:
            raise Problem("not-found", f"There is no {request.file} of this video.")
        url = signed_url(tx, key)
    return Response(302, headers={"Location": relative(PATH, url), "Cache-Control": "no-store"})


def _key(tx: Transaction, video_id: str, file: MediaFile) -> str | None:
    if file.index is None:
        return subtitle_key(tx, video_id, file.rendition)
    keys = segment_keys(tx, video_id, file.rendition, file.index)
    return (keys.init_key if file.init else keys.object_key) if keys else None
