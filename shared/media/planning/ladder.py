"""The bitrate ladder: which renditions (rungs) a picture gets.

A rung is named by the short side of its 16:9 box: 1080p fits into 1920 x 1080 (or 1080 x 1920 for portrait). A picture
gets every rung whose box it fills, or nearly fills, in at least one direction: a 1916 x 800 film has a 1080p rung of
its own size. Nothing is ever upscaled.
"""

from fractions import Fraction

from shared.media.model import Rendition

# by name: short side, long side, maximum kbit/s, kbit of buffer (VBV)
RUNGS = {
    "2160p": (2160, 3840, 16_000, 24_000),
    "1440p": (1440, 2560, 9_000, 13_500),
    "1080p": (1080, 1920, 5000, 7500),
    "720p": (720, 1280, 2800, 4200),
    "480p": (480, 854, 1400, 2100),
    "360p": (360, 640, 800, 1200),
}

STANDARD = ["1080p", "720p", "480p", "360p"]  # the rungs that a picture gets where none are chosen

NEARLY_FILLED = Fraction(105, 100)  # a box is filled that is at most 5 % larger than the picture

# ITU-T H.264 table A-1: level, macroblocks per second, macroblocks per frame, kbit/s in High profile
LEVELS = [
    ("1.3", 11_880, 396, 960),
    ("2.1", 19_800, 792, 5_000),
    ("2.2", 20_250, 1_620, 5_000),
    ("3.0", 40_500, 1_620, 12_500),
    ("3.1", 108_000, 3_600, 17_500),
    ("3.2", 216_000, 5_120, 25_000),
    ("4.0", 245_760, 8_192, 25_000),
    ("4.2", 522_240, 8_704, 62_500),
    ("5.0", 589_824, 22_080, 168_750),
    ("5.1", 983_040, 36_864, 300_000),
    ("5.2", 2_073_600, 36_864, 300_000),
]


def ladder(width: int, height: int, frame_rate: Fraction, names: list[str] = STANDARD) -> list[Rendition]:
    """The rungs named, highest first, that fit a displayed picture; one of its own size when it is smaller than all.

    Raises KeyError for a name that is not in RUNGS.
    """
    short, long = min(width, height), max(width, height)
    rungs = []
    for name in names:
        rung_short, rung_long, max_rate, buffer_size = RUNGS[name]
        scale = min(Fraction(rung_short, short), Fraction(rung_long, long))
        if scale <= NEARLY_FILLED:
            size = _even(width, min(scale, Fraction(1))), _even(height, min(scale, Fraction(1)))
            rungs.append(_rendition(name, *size, max_rate, buffer_size, frame_rate))
    if rungs:
        return rungs
    own = _even(width, Fraction(1)), _even(height, Fraction(1))
    return [_rendition(f"{min(own)}p", *own, *_own_rates(*own), frame_rate)]


def _own_rates(width: int, height: int) -> tuple[int, int]:
    """Maximum kbit/s and kbit of buffer of the smallest rung that is as large as the picture."""
    return next(
        (max_rate, buffer_size)
        for short, long, max_rate, buffer_size in reversed(RUNGS.values())
        if min(width, height) <= short and max(width, height) <= long
    )


def _even(side: int, scale: Fraction) -> int:
    """`side` scaled, then rounded to an even number that is not larger than `side` (4:2:0 needs even sizes)."""
    even = 2 * round(side * scale / 2)
    return max(2, even if even <= side else even - 2)


def even_size(width: int, height: int, box_short: int, box_long: int) -> tuple[int, int]:
    """The largest even size of the same aspect ratio that fits into a box, never upscaled."""
    scale = min(Fraction(box_short, min(width, height)), Fraction(box_long, max(width, height)), Fraction(1))
    return _even(width, scale), _even(height, scale)


def _rendition(name: str, width: int, height: int, max_rate: int, buffer_size: int, frame_rate: Fraction) -> Rendition:
    return Rendition(name, width, height, max_rate, buffer_size, level(width, height, frame_rate, max_rate))


def level(width: int, height: int, frame_rate: Fraction, max_rate: int) -> str:
    """The lowest H.264 level that allows this picture, frame rate and bit rate (`max_rate`, kbit/s)."""
    blocks = -(-width // 16) * -(-height // 16)
    widest = max(-(-width // 16), -(-height // 16))
    for name, per_second, per_frame, kbits in LEVELS:
        if (
            blocks <= per_frame
            and widest**2 <= 8 * per_frame
            and blocks * frame_rate <= per_second
            and max_rate <= kbits
        ):
            return name
    return LEVELS[-1][0]
