"""What a file carries beside picture and sound: text subtitles and chapters."""

from av.container import InputContainer
from av.stream import Stream
from av.subtitles.stream import SubtitleStream

from shared.media.model import Chapter, SubtitleTrack

TEXT_CODECS = {"mov_text", "subrip", "srt", "ass", "ssa", "webvtt", "text"}


def is_text_subtitle(stream: Stream) -> bool:
    return isinstance(stream, SubtitleStream) and stream.codec_context is not None and stream.name in TEXT_CODECS


def subtitle_tracks(container: InputContainer) -> list[SubtitleTrack]:
    return []


def chapters(container: InputContainer, zero: float, length: float) -> list[Chapter]:
    return []


def language(code: str) -> str:
    return "" if code == "und" else code
