"""What the child tells of the pictures that it has piped. Both sides import it."""

from msgspec import Struct

from shared.media.model import Ratio, SourceInfo

# How the names of pixel formats with an alpha channel begin.
WITH_ALPHA = ("yuva", "ayuv", "vuya", "uyva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya8", "ya16", "pal8")


class PipedPictures(Struct, frozen=True):
    times: list[int]  # ticks of TIMESCALE on the published timeline, rising; the first may lie before the segment
    standing: bool  # nothing in the segment could be decoded: a picture from before it stands


class RawFormat(Struct, frozen=True):
    """Of the piped pictures: upright, without alpha, in the shape of the source's first picture."""

    width: int
    height: int
    pixel_format: str
    sample_aspect_ratio: Ratio
    colours: list[int]  # as those of Reading


def raw_format(info: SourceInfo) -> RawFormat:
    reading = info.reading
    assert reading is not None
    pixel_format = "yuv420p" if has_alpha(info.sample_format) else info.sample_format
    aspect = reading.sample_aspect_ratio
    if info.rotation in (90, 270):
        return RawFormat(reading.height, reading.width, pixel_format, Ratio(aspect.den, aspect.num), reading.colours)
    return RawFormat(reading.width, reading.height, pixel_format, aspect, reading.colours)


def has_alpha(pixel_format: str) -> bool:
    return pixel_format.startswith(WITH_ALPHA)
