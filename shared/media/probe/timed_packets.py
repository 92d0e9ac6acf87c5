"""The packets of a source's streams in order, each with what to add to its times to get published ones."""

from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av.error
from av.packet import Packet
from av.stream import Discard, Stream
from msgspec import Struct

from shared.media.model import Entry, Plan, Run, Span
from shared.media.probe.container import open_container


class TimedPacket(Struct):
    packet: "Packet[Any]"
    stream: Stream
    number: int  # among the packets of its stream in its part
    part: int
    offset: Fraction  # seconds


def audio_packets(source: str, plan: Plan, track: int) -> Iterator[TimedPacket]:
    """Those of a track, over all parts of the source; `track` counts from 0. The last of each part is empty (a flush).

    Ends where the file is too damaged to go on.
    """
    reading = plan.source.reading
    if reading is None:
        zero = plan.cuts[0] * plan.source.time_base.fraction()
        yield from _packets(source, None, plan.source.audio[track].stream_index, 0, [], -zero)
        return
    for number, part in enumerate(reading.parts):
        stream_index = part.audio[track]
        if stream_index is not None:
            yield from _packets(source, reading.span(number), stream_index, number, reading.runs, Fraction(0))


def video_packets(source: str, plan: Plan, entry: Entry) -> Iterator[TimedPacket]:
    """The packets of the pictures from a keyframe on, over all later parts of the source."""
    reading = plan.source.reading
    assert reading is not None
    for number, part in enumerate(reading.parts[entry.part :], entry.part):
        if part.video is None:
            continue
        skipped = entry.packet if number == entry.part else 0
        for timed in _packets(source, reading.span(number), part.video, number, reading.runs, Fraction(0)):
            if timed.number >= skipped:
                yield timed


def _packets(
    source: str, span: Span | None, stream_index: int, part: int, runs: list[Run], offset: Fraction
) -> Iterator[TimedPacket]:
    mine = sorted((r for r in runs if (r.part, r.stream_index) == (part, stream_index)), key=lambda run: run.first)
    firsts = [run.first for run in mine]
    with open_container(source, span) as container:
        stream = container.streams[stream_index]
        for other in container.streams:
            if other.index != stream_index:
                other.discard = Discard.all
        demuxed, number = container.demux(stream), 0
        while True:
            try:
                packet = next(demuxed)
            except (StopIteration, av.error.FFmpegError):
                return
            if mine:
                offset = mine[max(0, bisect_right(firsts, number) - 1)].offset.fraction()
            yield TimedPacket(packet, stream, number, part, offset)
            number += packet.size > 0
