"""Where a source's clock starts anew: recordings that were joined, a recorder that reconnected."""

from msgspec import Struct

MAX_BACKWARD_SECONDS = 1.0
# MPEG and FLV streams have no index that a gap could come from: a longer step is a jump of the clock (as ffmpeg's
# dts_delta_threshold). Elsewhere it is a pause that was recorded as such.
MAX_FORWARD_SECONDS = 10.0
MAX_PAUSE_SECONDS = 3600.0
DISCONTINUOUS_FORMATS = {"mpegts", "mpeg", "flv"}
SAME_EPOCH_SECONDS = 10.0  # how far the streams of one recording may be apart where it begins


class Jump(Struct, frozen=True):
    """The first packet of an epoch: a time in which the clock goes on."""

    epoch: int
    position: int | None  # byte


class ClockWatch:
    """Tells for each packet, in demux order, to which epoch it belongs.

    Streams change over at different packets, because they are interleaved with some distance.
    """

    def __init__(self, formats: set[str], streams: int) -> None:
        # of one stream alone a long step may as well be a slide that stood for long
        jumpy = bool(formats & DISCONTINUOUS_FORMATS) and streams > 1
        self._max_forward = MAX_FORWARD_SECONDS if jumpy else MAX_PAUSE_SECONDS
        self._epoch_of: dict[int, int] = {}
        self._previous: dict[int, float] = {}  # seconds, by stream
        self._latest: list[float | None] = [None]  # seconds, of any stream, by epoch
        self.jumps: list[Jump] = []

    def epoch(self, stream: int, seconds: float | None, position: int | None) -> int:
        """`seconds`: decode time; None where the packet has none, it goes with the one before."""
        current = self._epoch_of.get(stream, len(self._latest) - 1)
        if seconds is None:
            return current
        if not self._continues(stream, current, seconds):
            current = self._other_epoch(current, seconds, position)
        self._epoch_of[stream], self._previous[stream] = current, seconds
        latest = self._latest[current]
        self._latest[current] = seconds if latest is None else max(latest, seconds)
        return current

    def _continues(self, stream: int, epoch: int, seconds: float) -> bool:
        previous, latest = self._previous.get(stream), self._latest[epoch]
        if previous is not None and seconds < previous - MAX_BACKWARD_SECONDS:
            return False
        return latest is None or seconds - latest <= self._max_forward

    def _other_epoch(self, current: int, seconds: float, position: int | None) -> int:
        newest, latest = len(self._latest) - 1, self._latest[-1]
        if newest > current and latest is not None and abs(seconds - latest) <= SAME_EPOCH_SECONDS:
            return newest
        self._latest.append(None)
        self.jumps.append(Jump(newest + 1, position))
        return newest + 1
