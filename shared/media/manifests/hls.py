"""HLS playlists (RFC 8216)."""

from collections.abc import Callable
from math import ceil

from shared.media.manifests.bandwidth import average_rate, peak_rate
from shared.media.manifests.names import first_of_language, track_names
from shared.media.manifests.published import NotYet, Published

AUDIO_GROUP = "audio"
SUBTITLE_GROUP = "subtitles"


def hls_master(video: Published, playlist_url: Callable[[str], str] = "{}.m3u8".format) -> str:
    """The multivariant playlist (RFC 8216 §4.3.4); `playlist_url` gives the URL of a rendition's media playlist.

    Raises NotYet until one rung and the default audio can be played from the beginning.
    """
    if not video.playable:
        raise NotYet("Nothing of the video can be played yet.")
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines += [*_audio(video, playlist_url), *_subtitles(video, playlist_url)]
    target = video.plan.target_duration
    sounds = [video.prefix(track.rendition) for track in video.audible]
    groups = [
        *([f'AUDIO="{AUDIO_GROUP}"'] if sounds else []),
        *([f'SUBTITLES="{SUBTITLE_GROUP}"'] if video.readable else []),
    ]
    # of the group's renditions, the one that needs most (RFC 8216 §4.3.4.2)
    peak_sound = max((peak_rate(sound, target) for sound in sounds), default=0)
    average_sound = max(map(average_rate, sounds), default=0)
    for rung in video.rungs:
        pieces = video.prefix(rung.name)
        codecs = dict.fromkeys(piece.codecs for each in (pieces, *sounds) for piece in each)
        attributes = [
            f"BANDWIDTH={peak_rate(pieces, target) + peak_sound}",
            f"AVERAGE-BANDWIDTH={average_rate(pieces) + average_sound}",
            f'CODECS="{",".join(codecs)}"',
            f"RESOLUTION={rung.width}x{rung.height}",
            f"FRAME-RATE={float(video.plan.output_frame_rate.fraction()):.3f}",
            *groups,
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", playlist_url(rung.name)]
    return "\n".join(lines) + "\n"


def _audio(video: Published, playlist_url: Callable[[str], str]) -> list[str]:
    """EXT-X-MEDIA (RFC 8216 §4.3.4.1) of each track that can be played; the first is the default."""
    tracks = video.plan.source.audio
    names, choosable = track_names(tracks, "Audio"), first_of_language(tracks)
    return [
        _media(
            "AUDIO",
            AUDIO_GROUP,
            name,
            track.language,
            default=number == 0,
            autoselect=number == 0 or auto,
            others=['CHANNELS="2"'],
            url=playlist_url(track.rendition),
        )
        for number, (track, name, auto) in enumerate(zip(tracks, names, choosable, strict=True))
        if track in video.audible
    ]


def _subtitles(video: Published, playlist_url: Callable[[str], str]) -> list[str]:
    tracks = [track for _, track in video.readable]
    names, choosable = track_names(tracks, "Subtitles"), first_of_language(tracks)
    default = next((n for n, track in enumerate(tracks) if track.default), None)
    return [
        _media(
            "SUBTITLES",
            SUBTITLE_GROUP,
            names[number],
            track.language,
            default=number == default,
            autoselect=number == default or choosable[number],
            others=["FORCED=YES"] if track.forced else [],
            url=playlist_url(rendition),
        )
        for number, (rendition, track) in enumerate(video.readable)
    ]


def _media(
    kind: str, group: str, name: str, language: str, *, default: bool, autoselect: bool, others: list[str], url: str
) -> str:
    attributes = [
        f"TYPE={kind}",
        f'GROUP-ID="{group}"',
        f'NAME="{name}"',
        *([f'LANGUAGE="{language}"'] if language else []),
        f"DEFAULT={'YES' if default else 'NO'}",
        f"AUTOSELECT={'YES' if autoselect else 'NO'}",
        *others,
        f'URI="{url}"',
    ]
    return f"#EXT-X-MEDIA:{','.join(attributes)}"


def hls_media(video: Published, rendition: str) -> str:
    """The media playlist (RFC 8216 §4.3.3) of one rendition: EVENT while segments arrive, VOD when all are there.

    Raises NotYet until its first segment is there.
    """
    pieces, whole = video.prefix(rendition), video.is_whole(rendition)
    if not pieces:
        raise NotYet(f"Nothing of {rendition} can be played yet.")
    lines = _head(video.plan.target_duration, whole=whole)
    init = None
    for piece in pieces:
        if piece.init != init:  # changes only where another encoder was used: timestamps go on, so no discontinuity
            lines.append(f'#EXT-X-MAP:URI="{piece.init_url}"')
            init = piece.init
        lines += [f"#EXTINF:{float(piece.seconds):.6f},", piece.url]
    if whole:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def hls_subtitles(video: Published, rendition: str) -> str:
    """The media playlist of one subtitle rendition: the whole file is one segment.

    Raises NotYet when it is not there (yet).
    """
    text = video.subtitles.get(rendition)
    if text is None:
        raise NotYet(f"{rendition} is not there.")
    length = video.plan.seconds(video.plan.cuts[-1])
    lines = _head(ceil(length), whole=True)
    return "\n".join([*lines, f"#EXTINF:{length:.6f},", text.url, "#EXT-X-ENDLIST"]) + "\n"


def _head(target_duration: int, *, whole: bool) -> list[str]:
    return [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target_duration}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if whole else 'EVENT'}",
        "#EXT-X-START:TIME-OFFSET=0",  # without it players start an EVENT near its end, as with a live stream
    ]
