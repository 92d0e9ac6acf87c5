"""HLS and DASH manifests of one set of CMAF segments: values in, text out.

What comes in is a `Published`: the plan of a video, the subtitles that can be fetched and, for each rendition, the
`Piece`s that can be fetched, with their URLs, times in ticks, and sizes in bytes. What comes out is the text of a
playlist or an MPD. `NotYet` is raised for a manifest that needs more segments than there are. Imports only
shared.media.model and shared.media.languages: no files, no processes.
"""

from shared.media.manifests.bandwidth import average_rate, peak_rate
from shared.media.manifests.dash import dash_mpd
from shared.media.manifests.files import MediaFile
from shared.media.manifests.hls import hls_master, hls_media, hls_subtitles
from shared.media.manifests.published import NotYet, Piece, Published, SubtitleText

__all__ = [
    "MediaFile",
    "NotYet",
    "Piece",
    "Published",
    "SubtitleText",
    "average_rate",
    "dash_mpd",
    "hls_master",
    "hls_media",
    "hls_subtitles",
    "peak_rate",
]
