"""The bit rates that manifests state, in bit/s, from the sizes and durations of segments."""

from fractions import Fraction
from itertools import accumulate

from shared.media.manifests.published import Piece


def average_rate(pieces: list[Piece]) -> int:
    """AVERAGE-BANDWIDTH (RFC 8216 §4.3.4.2): bit/s over all pieces; 0 when there are none."""
    return _rate(sum(piece.size for piece in pieces), sum(piece.seconds for piece in pieces))


def peak_rate(pieces: list[Piece], target_duration: int) -> int:
    """BANDWIDTH (RFC 8216 §4.3.4.2): bit/s, the highest of any run of pieces that lasts 0.5 to 1.5 target durations.

    `target_duration` is in seconds. A single piece counts however long it is.
    """
    sizes = [0, *accumulate(piece.size for piece in pieces)]
    times = [Fraction(0), *accumulate(piece.seconds for piece in pieces)]
    peak = 0
    for first in range(len(pieces)):
        for after in range(first + 1, len(pieces) + 1):
            length = times[after] - times[first]
            if length > Fraction(3, 2) * target_duration and after > first + 1:
                break
            if 2 * length >= target_duration:
                peak = max(peak, _rate(sizes[after] - sizes[first], length))
    return peak or average_rate(pieces)


def _rate(size: int, seconds: Fraction | int) -> int:
    """bit/s, rounded up."""
    return int(-(-8 * size // seconds)) if seconds else 0
