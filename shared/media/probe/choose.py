"""Which streams of a source are published, and why the others are not."""

from collections.abc import Iterable

from av.stream import Disposition
from msgspec import Struct

from shared.media.errors import MediaError
from shared.media.model import COVER_PICTURE
from shared.media.probe.packets import AudioPackets, PacketScan, StreamPackets, VideoPackets
from shared.media.probe.programme_map import Programme
from shared.media.sandbox.input import MAX_PICTURE, MAX_PIXELS

SECOND_PICTURE = "a second picture"  # the reason of a film that is left out: its loss would be one
FILM_PACKETS = 2  # a stream of fewer pictures is a still
ASIDE = Disposition.comment | Disposition.hearing_impaired | Disposition.visual_impaired | Disposition.clean_effects


class Choice(Struct):
    video: VideoPackets
    audio: list[AudioPackets]  # the default one first
    left_out: dict[int, str]  # reason in words, by the index of the stream


def choose(found: PacketScan, programmes: list[Programme]) -> Choice:
    """Raises MediaError when there is no picture that can be decoded."""
    video = _video(found, programmes)
    programme = _programme(video, programmes)
    audible = [a for a in found.audio.values() if a.first_frame is not None]
    audio = sorted((a for a in audible if _programme(a, programmes) == programme), key=_audio_order)
    left_out: dict[int, str] = {}
    for each in found.video.values():
        if each is not video:
            left_out[each.index] = _why_not_shown(each, programme, programmes)
    for sound in found.audio.values():
        if sound.first_frame is None:
            left_out[sound.index] = f"{sound.codec} cannot be decoded"
        elif sound not in audio:
            left_out[sound.index] = "it belongs to another programme"
    return Choice(video, audio, left_out)


def choose_over(parts: list[PacketScan], programmes: list[Programme]) -> Choice:
    """Of a source in parts: the pictures of the first part that has any, the sound of the one with most tracks."""
    choices: list[Choice] = []
    for found in parts:
        try:
            choices.append(choose(found, programmes))
        except MediaError:
            if found is parts[-1] and not choices:
                raise
    richest = max(choices, key=lambda choice: len(choice.audio))
    return Choice(choices[0].video, richest.audio, choices[0].left_out)


def choose_again(found: PacketScan, programmes: list[Programme], before: Choice) -> tuple[int | None, list[int | None]]:
    """Indexes of the streams that go on with those of an earlier part: video, and for each audio track.

    A stream goes on under its own identifier (a PID), else in its own place among those of its kind.
    """
    try:
        now = choose(found, programmes)
    except MediaError:  # a part without pictures, or without one that decodes: the last picture stands
        sounds: Iterable[AudioPackets] = (a for a in found.audio.values() if a.first_frame is not None)
        return None, _matched(before.audio, sorted(sounds, key=_audio_order))
    return now.video.index, _matched(before.audio, now.audio)


def _matched(before: list[AudioPackets], now: list[AudioPackets]) -> list[int | None]:
    by_id = {a.stream.id: a for a in now if a.stream.id}
    same = [by_id.get(track.stream.id) for track in before]
    rest = [a for a in now if a not in same]
    chosen = [a or (rest.pop(0) if rest else None) for a in same]
    return [a.index if a else None for a in chosen]


def _video(found: PacketScan, programmes: list[Programme]) -> VideoPackets:
    for each in found.video.values():
        width, height = each.video.codec_context.width, each.video.codec_context.height
        if width * height > MAX_PIXELS and not each.is_cover:
            raise MediaError(f"The picture is {width} x {height} pixels, more than the {MAX_PICTURE} that Wadi takes.")
    seen = [v for v in found.video.values() if v.pictures]
    if seen:
        return max(seen, key=lambda v: _rank(v, programmes))
    raise MediaError(_why_no_picture(found))


def _rank(video: VideoPackets, programmes: list[Programme]) -> tuple[bool, bool, bool, int, int, int]:
    """A film before a still, then as the file says, then the first programme, then the one with most pictures."""
    is_default = bool(video.stream.disposition & Disposition.default)
    is_film = len(video.pts) >= FILM_PACKETS
    programme = _programme(video, programmes)
    return is_film and not video.is_cover, not video.is_cover, is_default, -programme, len(video.pts), -video.index


def _audio_order(audio: AudioPackets) -> tuple[bool, bool, int]:
    disposition = audio.stream.disposition
    return not disposition & Disposition.default, bool(disposition & ASIDE), audio.index


def _programme(each: StreamPackets, programmes: list[Programme]) -> int:
    """The place of the first programme that has the stream; 0 where the container knows no programmes."""
    return next((place for place, p in enumerate(programmes) if each.stream.id in p.pids), 0)


def _why_not_shown(video: VideoPackets, programme: int, programmes: list[Programme]) -> str:
    if video.is_cover or len(video.pts) < FILM_PACKETS:
        return COVER_PICTURE
    if not video.pictures:
        return f"{video.codec} cannot be decoded"
    return SECOND_PICTURE if _programme(video, programmes) == programme else "it belongs to another programme"


def _why_no_picture(found: PacketScan) -> str:
    films = [v for v in found.video.values() if not v.is_cover]
    if films:
        size = "" if films[0].video.codec_context.width else f", or larger than the {MAX_PICTURE} that Wadi takes"
        return f"Not one picture of the video ({films[0].codec}) could be decoded: it is damaged{size}."
    if any(each.stream.type == "video" for each in found.other.values()):
        return "The video is in a codec that Wadi cannot decode."
    if found.audio:
        return "The file has sound but no picture: Wadi publishes videos."
    return "There is no video in the file."
