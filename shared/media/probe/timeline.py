"""The published timeline of a source whose clock starts anew, or that is read in parts: what comes after what."""

from bisect import bisect_right
from collections.abc import Callable
from fractions import Fraction

from av.video.stream import VideoStream
from msgspec import Struct

from shared.media.model import Ratio, Run
from shared.media.planning.frame_rate import MAX_LAST_PICTURE_SECONDS, last_duration
from shared.media.probe.clock import MAX_BACKWARD_SECONDS, MAX_FORWARD_SECONDS
from shared.media.probe.packets import UNKNOWN, AudioPackets, StreamPackets, VideoPackets


def named_rate(video: VideoStream) -> Fraction:
    """Pictures per second as the file says; 0 where it does not."""
    return Fraction(video.average_rate or video.guessed_rate or 0)


class Span(Struct):
    """From where to where the chosen streams of one epoch reach, in seconds on the source's own clock."""

    start: Fraction
    end: Fraction
    last: Fraction | None = None  # when the last picture begins


def extent(packets: StreamPackets, first: int, after: int) -> Span | None:
    """What the packets with numbers `first` to `after` of a stream present; None: nothing that has a time."""
    if isinstance(packets, VideoPackets):
        return _picture_extent(packets, first, after)
    times = [n for n in range(first, after) if packets.pts[n] != UNKNOWN]
    if not times:
        return None
    start = min(packets.pts[n] for n in times) * packets.time_base
    last = max(times, key=lambda n: packets.pts[n])
    end = (packets.pts[last] + packets.durations[last]) * packets.time_base
    if isinstance(packets, AudioPackets) and (frame := packets.first_frame) is not None:
        if first <= packets.first_decoded < after and frame.pts is not None and frame.time_base is not None:
            start = frame.pts * Fraction(frame.time_base)  # without what the file says to skip
        if not packets.durations[last]:
            end += Fraction(frame.samples, frame.sample_rate)
    return Span(start, max(start, end))


def _picture_extent(video: VideoPackets, first: int, after: int) -> Span | None:
    shown = [n for n in video.shown() if first <= n < after and video.pts[n] != UNKNOWN]
    if not shown:
        return None
    pts = sorted({video.pts[n] for n in shown})
    last = max(shown, key=lambda n: video.pts[n])
    duration = last_duration(pts, video.durations[last], video.time_base, named_rate(video.video))
    return Span(pts[0] * video.time_base, (pts[-1] + duration) * video.time_base, pts[-1] * video.time_base)


def together(pictures: Span | None, sounds: list[Span]) -> Span | None:
    """From the first to the last of picture and sound. A long last picture is believed as far as there is sound."""
    spans = [*([pictures] if pictures else []), *sounds]
    if not spans:
        return None
    end = max(span.end for span in spans)
    if pictures and sounds and pictures.last is not None:
        believed = min(pictures.end, pictures.last + MAX_LAST_PICTURE_SECONDS)
        end = max(believed, *(span.end for span in sounds))
    return Span(min(span.start for span in spans), end)


class Timeline:
    """Lays epochs one after the other: the next begins where the longest stream of the one before has ended.

    Within an epoch the streams keep the distance that they had.
    """

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.start: Fraction | None = None  # of the first epoch, on its own clock
        self.end = Fraction(0)  # published seconds
        self._last_offset = Fraction(0)

    def add_part(self, part: int, video: VideoPackets | None, sounds: list[AudioPackets]) -> None:
        streams: list[StreamPackets] = [*([video] if video else []), *sounds]
        epochs = sorted({epoch for stream in streams for _, epoch in stream.runs})
        for epoch in epochs:
            heard = [span for sound in sounds if (span := _extent_of(sound, epoch)) is not None]
            span = together(_extent_of(video, epoch) if video else None, heard)
            if span is None:
                continue
            offset = self._offset(span.start, goes_on=epoch == 0 and part > 0)
            self.end = max(self.end, span.end + offset)
            for stream in streams:
                for first, of_epoch in stream.runs:
                    if of_epoch == epoch:
                        self.runs.append(Run(part, stream.index, first, Ratio.of(offset)))

    def offsets(self, part: int, stream_index: int) -> Callable[[int], Fraction]:
        """Seconds to add to the times of a stream, by the number of the packet."""
        mine = (run for run in self.runs if (run.part, run.stream_index) == (part, stream_index))
        runs = sorted(mine, key=lambda run: run.first)
        firsts = [run.first for run in runs]

        def of(number: int) -> Fraction:
            return runs[max(0, bisect_right(firsts, number) - 1)].offset.fraction()

        return of

    def _offset(self, start: Fraction, *, goes_on: bool) -> Fraction:
        if self.start is None:
            self.start, offset = start, -start
        elif goes_on and -MAX_BACKWARD_SECONDS <= start + self._last_offset - self.end <= MAX_FORWARD_SECONDS:
            offset = self._last_offset  # the streams changed, not the clock
        else:
            offset = self.end - start
        self._last_offset = offset
        return offset


def _extent_of(stream: StreamPackets, epoch: int) -> Span | None:
    numbers = _numbers(stream, epoch)
    return extent(stream, *numbers) if numbers else None


def _numbers(stream: StreamPackets, epoch: int) -> tuple[int, int] | None:
    """First and last + 1 of the packets of an epoch."""
    edges = [*(first for first, _ in stream.runs), len(stream.pts)]
    places = [n for n, (_, of_epoch) in enumerate(stream.runs) if of_epoch == epoch]
    return (edges[places[0]], edges[places[-1] + 1]) if places else None
