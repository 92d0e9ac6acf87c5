"""Read the text subtitles of a source and place them on the published timeline. Child side: inside the sandbox only."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import av
import av.error
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.subtitles.codeccontext import SubtitleCodecContext
from av.subtitles.subtitle import AssSubtitle

from shared.media.model import Plan, Span, SubtitleFile, subtitle_rendition
from shared.media.probe.container import open_container
from shared.media.probe.extras import is_text_subtitle
from shared.media.subtitles.markup import webvtt_text
from shared.media.subtitles.webvtt import Cue, webvtt

LONGEST = 5  # seconds that a cue stands whose end the file does not name, unless the next one comes before


def write_subtitles(source: str, plan: Plan, out_dir: Path) -> list[SubtitleFile]:
    """Tracks without any cue on the timeline have no file."""
    indexes = {track.stream_index: n for n, track in enumerate(plan.source.subtitles, 1)}
    found: dict[int, list[Cue]] = {index: [] for index in indexes}
    for span, zero in _parts(plan):
        with open_container(source, span) as container:
            for stream_index, cue in _read(container, set(indexes), zero):
                found[stream_index].append(cue)
    length = Fraction(plan.cuts[-1] - plan.cuts[0]) * plan.source.time_base.fraction()
    files = []
    for stream_index, number in indexes.items():
        if cues := _on_timeline(found[stream_index], length):
            path = out_dir / f"{subtitle_rendition(number)}.vtt"
            path.write_text(webvtt(cues), encoding="utf-8")
            files.append(SubtitleFile(subtitle_rendition(number), str(path), len(cues)))
    return files


def _parts(plan: Plan) -> Iterator[tuple[Span | None, Fraction]]:
    """The range of bytes of each part of the source (None: all), and its own time, in seconds, at which the published
    timeline begins. Text goes by the clock of the part's first picture."""
    reading = plan.source.reading
    if reading is None:
        yield None, plan.cuts[0] * plan.source.time_base.fraction()
        return
    for number, part in enumerate(reading.parts):
        pictures = [run for run in reading.runs if (run.part, run.stream_index) == (number, part.video)]
        if pictures:
            yield reading.span(number), -min(pictures, key=lambda run: run.first).offset.fraction()


def _read(container: InputContainer, indexes: set[int], zero: Fraction) -> Iterator[tuple[int, Cue]]:
    """The cues of each stream, one whose end is unknown with an end before its start. Ends where the file is too
    damaged to go on."""
    streams = [each for each in container.streams if each.index in indexes and is_text_subtitle(each)]
    for other in container.streams:
        if other not in streams:
            other.discard = Discard.all
    demuxed = container.demux(*streams) if streams else iter(())
    while True:
        try:
            packet = next(demuxed)
        except (StopIteration, av.error.FFmpegError):
            return
        if packet.pts is None or packet.time_base is None or not packet.size:
            continue
        if text := "\n".join(_texts(packet)):
            start = packet.pts * Fraction(packet.time_base) - zero
            end = start + packet.duration * Fraction(packet.time_base) if packet.duration else start - 1
            yield packet.stream.index, Cue(start, end, text)


def _texts(packet: "Packet[Any]") -> Iterator[str]:
    for subtitle in _decoded(packet):
        if isinstance(subtitle, AssSubtitle):
            # read order, layer, style, name, three margins, effect, text
            event = subtitle.ass.decode("utf-8", "replace").split(",", 8)
            if text := webvtt_text(event[-1]):
                yield text


def _decoded(packet: "Packet[Any]") -> list[Any]:
    context = cast(SubtitleCodecContext, packet.stream.codec_context)
    try:
        found = context.decode2(_valid(packet))
    except av.error.FFmpegError:
        return []
    return list(found.rects) if found is not None else []


def _valid(packet: "Packet[Any]") -> "Packet[Any]":
    """The decoders refuse text that is no UTF-8: what is damaged becomes U+FFFD, and the rest is kept."""
    data = bytes(packet)
    head, text, tail = b"", data, b""
    if packet.stream.name == "mov_text":  # 3GPP TS 26.245 §5.17: the length of the text, the text, boxes
        size = int.from_bytes(data[:2])
        text, tail = data[2 : 2 + size], data[2 + size :]
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode(errors="replace").encode()
    else:
        return packet
    if packet.stream.name == "mov_text":
        head = len(text).to_bytes(2)
    mended: Packet[Any] = av.Packet(head + text + tail)
    mended.pts, mended.dts, mended.duration = packet.pts, packet.dts, packet.duration
    mended.time_base = packet.time_base
    return mended


def _on_timeline(cues: list[Cue], length: Fraction) -> list[Cue]:
    """Sorted, with an end each, each text once at a time, and clipped to the timeline."""
    ordered = sorted(set(cues), key=lambda cue: (cue.start, cue.end, cue.text))
    starts = sorted({cue.start for cue in ordered})
    following = dict(pairwise(starts))
    placed = []
    for cue in ordered:
        end = cue.end
        if end <= cue.start:
            end = min(cue.start + LONGEST, following.get(cue.start, length))
        start, end = max(cue.start, Fraction(0)), min(end, length)
        if start < end:
            placed.append(Cue(start, end, cue.text))
    return placed
