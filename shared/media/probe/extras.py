"""What a file carries beside picture and sound: text subtitles, chapters, and the names of its tracks."""

import re
from collections.abc import Mapping

from av.container import InputContainer
from av.stream import Disposition, Stream
from av.subtitles.stream import SubtitleStream

from shared.media.languages import bcp47
from shared.media.model import Chapter, SubtitleTrack

TEXT_CODECS = {"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"}

# Muxers write what they are where a name could stand: "SoundHandler", "Core Media Audio", "GPAC ISO Audio Handler".
_MUXER = re.compile(r"handler|core media|iso media|produced by|\bmedia\b|^(mono|stereo|surround)$", re.IGNORECASE)


def is_text_subtitle(stream: Stream) -> bool:
    return isinstance(stream, SubtitleStream) and stream.codec_context is not None and stream.name in TEXT_CODECS


def subtitle_tracks(container: InputContainer) -> list[SubtitleTrack]:
    return [
        SubtitleTrack(
            stream_index=stream.index,
            codec=stream.name or "",
            language=language(stream.metadata.get("language", "")),
            name=track_name(stream.metadata),
            default=bool(stream.disposition & Disposition.default),
            forced=bool(stream.disposition & Disposition.forced),
        )
        for stream in container.streams.subtitles
        if is_text_subtitle(stream)
    ]


def chapters(container: InputContainer, zero: float, length: float) -> list[Chapter]:
    """Those that are on the timeline, which is `length` seconds long and begins at `zero` of the source's clock."""
    found = []
    for chapter in container.chapters():
        base = chapter["time_base"]
        if not base:
            continue
        start = max(0.0, float(chapter["start"] * base) - zero)
        end = min(length, float(chapter["end"] * base) - zero)
        if start < end:
            found.append(Chapter(start, end, _one_line(chapter["metadata"].get("title", ""))))
    return sorted(found, key=lambda chapter: (chapter.start, chapter.end))


def language(code: str) -> str:
    return bcp47(code)


def track_name(metadata: Mapping[str, str]) -> str:
    """What a person named the track; "" where the file does not say."""
    for key in ("title", "name", "handler_name"):
        name = _one_line(metadata.get(key, ""))
        if name and not _MUXER.search(name):
            return name
    return ""


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
