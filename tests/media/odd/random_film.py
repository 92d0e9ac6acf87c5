"""Small films put together packet by packet: any subset of the pictures, sound with holes, edit lists, any start.

Pictures are 64x36 and each can be decoded by itself, except in films with B-frames, of which whole groups of pictures
are taken; ten of them are shown in a second. At each whole second of its clock a picture is white, and 0.1 s of sound
beeps. All are encoded once; to put a film together takes milliseconds.
"""

import functools
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
from av.stream import Stream
from msgspec import Struct

from tests.media.clips import cached, ffmpeg
from tests.media.judge.player import play
from tests.media.judge.verdict import Expected
from tests.media.odd.edits import with_edits

RATE = 10  # pictures in a second
LENGTH = 8  # seconds of picture and of sound, from which is taken
GROUP = 5  # pictures in a group, of films with B-frames
TICKS = Fraction(1, 90_000)
PICTURES = f"testsrc2=size=64x36:rate={RATE}:duration={LENGTH},drawbox=enable='eq(mod(n,{RATE}),0)':color=white:t=fill"
SOUND = f"aevalsrc='if(lt(mod(t,1),0.1),0.7*sin(2*PI*1000*t),0)':s=48000:d={LENGTH}"
VIDEO = {
    "h264": "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 1 -bf 0",
    "h264 with B-frames": f"-c:v libx264 -preset veryfast -pix_fmt yuv420p -g {GROUP} -keyint_min {GROUP} -bf 2 "
    "-b_strategy 0 -x264-params scenecut=0:open-gop=0",
    "mpeg2": "-c:v mpeg2video -g 1 -b:v 500k",
    "mjpeg": "-c:v mjpeg -pix_fmt yuvj420p",
    "vp8": "-c:v libvpx -deadline realtime -g 1 -b:v 200k",
}
AUDIO = {
    "aac": "-c:a aac -b:a 64k",
    "mp3": "-c:a libmp3lame -b:a 64k",
    "ac3": "-c:a ac3 -b:a 96k",
    "opus": "-c:a libopus -b:a 48k",
    "pcm": "-c:a pcm_s16le",
}

Packet: TypeAlias = "av.Packet[Stream]"  # generic for mypy only


class Piece(Struct, frozen=True):
    """Tenths of a second of the clock of picture or sound that are there: begin <= t < end."""

    begin: int
    end: int


class Edit(Struct, frozen=True):
    """An edit list of a track: nothing for so long, then the media from so far in, for so long; tenths of a second."""

    empty: int
    begin: int
    length: int


class Film(Struct, frozen=True):
    container: str  # suffix
    video: str  # a key of VIDEO
    audio: str  # a key of AUDIO
    pictures: tuple[Piece, ...]  # of groups of pictures, with B-frames
    sound: tuple[Piece, ...]
    picture_later: int = 0  # ms by which the clock of the picture is later
    sound_later: int = 0
    start: int = 0  # ms of all clocks
    edits: tuple[Edit | None, Edit | None] = (None, None)  # of picture and sound; MP4 only


class Built(Struct, frozen=True):
    path: Path
    expected: Expected


def build(film: Film, folder: Path) -> Built:
    """Writes the film, and says from its packets, and from nothing that reads it, what must be seen and heard."""
    path = folder / f"film.{film.container}"
    with (
        av.open(str(_encoded("video", film.video))) as pictures,
        av.open(str(_encoded("audio", film.audio))) as sound,
        av.open(str(path), "w") as container,
    ):
        streams = (
            container.add_stream_from_template(pictures.streams.video[0]),
            container.add_stream_from_template(sound.streams.audio[0]),
        )
        taken = (
            _taken(pictures, film.pictures, film.start + film.picture_later),
            _taken(sound, film.sound, film.start + film.sound_later),
        )
        shown, heard = (sorted(_span(packet) for packet in packets) for packets in taken)
        for packet, stream in sorted(
            ((packet, stream) for packets, stream in zip(taken, streams, strict=True) for packet in packets),
            key=lambda pair: pair[0].dts or 0,
        ):
            packet.stream = stream
            container.mux(packet)
    if any(film.edits):
        edits = {track: _entries(edit) for track, edit in enumerate(film.edits) if edit}
        path.write_bytes(with_edits(path.read_bytes(), edits))
    return Built(path, _expected(film, shown, heard))


def _entries(edit: Edit) -> list[tuple[float, float | None]]:
    shown = (edit.length / 10, edit.begin / 10)
    return [(edit.empty / 10, None), shown] if edit.empty else [shown]


def _encoded(kind: str, name: str) -> Path:
    graph, codec = (PICTURES, VIDEO[name]) if kind == "video" else (SOUND, AUDIO[name])
    arguments = ["-f", "lavfi", "-i", graph, *codec.split()]
    # What tells all decode times, what tells the durations of Opus, and what takes all.
    suffix = {"h264 with B-frames": "mp4", "mpeg2": "mp4", "opus": "mka"}.get(name, "nut")
    return cached(f"random-{kind}.{suffix}", arguments, lambda path: ffmpeg(*arguments, path))


@functools.cache
def _delay(audio: str) -> float:
    """By how many seconds the codec makes the sound later, where nothing of its start is skipped."""
    path = _encoded("audio", audio)
    with av.open(str(path)) as container:
        first = next(iter(container.demux()))
        assert first.pts is not None
        assert first.time_base is not None
        begins = float(first.pts * first.time_base)
    sound = play(path).sound
    assert sound
    return sound.beeps()[-1] - (LENGTH - 1) - begins


def _taken(source: av.container.InputContainer, pieces: tuple[Piece, ...], later: int) -> list[Packet]:
    """Packets whose time is in one of the pieces, moved by `later` ms, in ticks."""
    taken: list[Packet] = []
    inside, base = False, None
    for packet in source.demux():
        if packet.pts is None or packet.dts is None or packet.time_base is None:
            continue
        base = packet.pts if base is None else base
        if packet.is_keyframe:  # the pictures of a group go with its first
            time = float((packet.pts - base) * packet.time_base) * 10 + 0.01
            inside = any(piece.begin <= time < piece.end for piece in pieces)
        if inside:
            factor = packet.time_base / TICKS
            pts, dts = packet.pts - base, packet.dts - base
            packet.pts, packet.dts = round(pts * factor) + later * 90, round(dts * factor) + later * 90
            packet.duration = round((packet.duration or 0) * factor)
            packet.time_base = TICKS
            taken.append(packet)
    return taken


def _span(packet: Packet) -> tuple[float, float]:
    assert packet.pts is not None
    begins = float(packet.pts * TICKS)
    return begins, begins + float((packet.duration or 0) * TICKS)


def _expected(film: Film, shown: list[tuple[float, float]], heard: list[tuple[float, float]]) -> Expected:
    """`shown` and `heard` are the spans in seconds of all packets, in order."""
    clock, ear = (film.start + film.picture_later) / 1000, (film.start + film.sound_later) / 1000 + _delay(film.audio)
    seen = [(begins, round((begins - clock) * RATE) % RATE == 0) for begins, _ in shown]
    audible = [second + ear for second in range(LENGTH)]
    beeps = [time for time in audible if any(begins <= time + 0.03 < ends for begins, ends in heard)]
    ends, quiet = shown[-1][0] + 1 / RATE, heard[-1][1]
    first, starts = seen[0][0], heard[0][0]
    if edit := film.edits[0]:
        move = edit.empty / 10 - first - edit.begin / 10
        kept = [(time + move, lit) for time, lit in seen if 0 <= round((time + move) * 10) - edit.empty < edit.length]
        seen, ends = kept, min(edit.empty / 10 + edit.length / 10, ends + move)
    if edit := film.edits[1]:
        move = edit.empty / 10 - starts - edit.begin / 10
        last = min(edit.empty / 10 + edit.length / 10, quiet + move)
        beeps = [time + move for time in beeps if edit.empty / 10 <= time + move < last]
        starts, quiet = edit.empty / 10, last
    zero = min(seen[0][0], starts)
    flashes = [time - zero for at, (time, lit) in enumerate(seen) if lit and (at == 0 or not seen[at - 1][1])]
    if seen[0][1]:
        flashes[0] = 0.0  # the first picture stands from the beginning
    return Expected(
        length=max(ends, quiet) - zero,
        flashes=flashes,
        beeps=[time - zero for time in beeps],
        length_tolerance=0.15,
        tolerance=0.07,  # a frame is 0.1 s, and one of sound up to 0.036 s
    )
