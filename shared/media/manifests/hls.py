"""HLS playlists (RFC 8216)."""

from collections.abc import Callable

from shared.media.manifests.bandwidth import average_rate, peak_rate
from shared.media.manifests.published import NotYet, Published
from shared.media.model import AUDIO_RENDITION


def hls_master(video: Published, playlist_url: Callable[[str], str] = "{}.m3u8".format) -> str:
    """The multivariant playlist (RFC 8216 §4.3.4); `playlist_url` gives the URL of a rendition's media playlist.

    Raises NotYet until one rung and the audio can be played from the beginning.
    """
    if not video.playable:
        raise NotYet("Nothing of the video can be played yet.")
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    sound = video.prefix(AUDIO_RENDITION) if video.plan.source.audio else []
    if sound:
        lines.append(
            '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",'
            f'URI="{playlist_url(AUDIO_RENDITION)}"'
        )
    target = video.plan.target_duration
    for rung in video.rungs:
        pieces = video.prefix(rung.name)
        attributes = [
            f"BANDWIDTH={peak_rate(pieces, target) + peak_rate(sound, target)}",
            f"AVERAGE-BANDWIDTH={average_rate(pieces) + average_rate(sound)}",
            f'CODECS="{",".join(dict.fromkeys(piece.codecs for piece in [*pieces, *sound]))}"',
            f"RESOLUTION={rung.width}x{rung.height}",
            f"FRAME-RATE={float(video.plan.output_frame_rate.fraction()):.3f}",
            *(['AUDIO="audio"'] if sound else []),
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", playlist_url(rung.name)]
    return "\n".join(lines) + "\n"


def hls_media(video: Published, rendition: str) -> str:
    """The media playlist (RFC 8216 §4.3.3) of one rendition: EVENT while segments arrive, VOD when all are there.

    Raises NotYet until its first segment is there.
    """
    pieces, whole = video.prefix(rendition), video.is_whole(rendition)
    if not pieces:
        raise NotYet(f"Nothing of {rendition} can be played yet.")
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{video.plan.target_duration}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if whole else 'EVENT'}",
        "#EXT-X-START:TIME-OFFSET=0",  # without it players start an EVENT near its end, as with a live stream
    ]
    init = None
    for piece in pieces:
        if piece.init != init:  # changes only where another encoder was used: timestamps go on, so no discontinuity
            lines.append(f'#EXT-X-MAP:URI="{piece.init_url}"')
            init = piece.init
        lines += [f"#EXTINF:{float(piece.seconds):.6f},", piece.url]
    if whole:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"
