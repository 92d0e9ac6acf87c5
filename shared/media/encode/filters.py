"""The filter graph of an encode: the pictures of one segment, prepared once, then scaled to every rung."""

import functools

from shared.media.encode.command import Stream, split
from shared.media.encode.encoders import Encoder
from shared.media.model import SAME_ASPECT, Plan, Rendition, SourceInfo
from shared.media.reading.piped import has_alpha
from shared.media.sandbox.ffmpeg import run_ffmpeg
from shared.media.sandbox.process import Limits

# setparams names of the transfer characteristics of SourceInfo.hdr
HDR_TRANSFERS = {"pq": "smpte2084", "hlg": "arib-std-b67"}
RGB_FORMATS = ("rgb", "bgr", "gbr", "argb", "abgr", "pal", "0rgb", "0bgr")  # how their names begin


def segment_pictures(source: Stream, plan: Plan, index: int) -> Stream:
    """The pictures of segment `index`, at most `frame_rate_cap` per second."""
    pictures = _select(_window(_prepared(source, plan.source), plan, index), plan.frame_rate_cap)
    again = plan.repeats_in(index)
    if not again:
        return pictures
    # tpad goes by the frame rate of the stream, which may be 90,000: then the rate limit leaves no bits for a picture
    second = max(1, round(1 / plan.source.time_base.fraction()))
    apart = f"if(gte(N,{plan.frames[index] - again}),PREV_OUTPTS+{second},PTS)"
    return pictures.filter("tpad", stop=again, stop_mode="clone").filter("setpts", apart)


def still_picture(source: Stream, plan: Plan, index: int, since: int) -> Stream:
    """The last picture between `since` (pts) and the start of segment `index`, repeated over the segment."""
    rate = plan.output_frame_rate
    before = _prepared(source, plan.source).filter("trim", start_pts=since, end_pts=plan.cuts[index])
    repeated = before.filter("fps", f"{rate.num}/{rate.den}").filter("tpad", stop=-1, stop_mode="clone")
    return _select(_span(_source_clock(repeated, plan.source), plan, index), 0)


def black_pictures(black: Stream, plan: Plan, index: int) -> Stream:
    """Generated pictures, moved to the time of segment `index`."""
    moved = _source_clock(black, plan.source).filter("setpts", f"PTS+{plan.cuts[index]}")
    return _span(moved, plan, index)


def renditions_of(pictures: Stream, plan: Plan, renditions: list[Rendition], encoder: Encoder) -> list[Stream]:
    """`pictures` in the size and the colours of each rendition, in their order, as the encoder takes them."""
    largest = max(renditions, key=lambda r: r.width * r.height)
    pictures = _tone_mapped(pictures, plan.source, largest)
    copies = split(pictures, len(renditions))
    return [
        encoder.upload(scaled(copy, plan.source, rendition)) for copy, rendition in zip(copies, renditions, strict=True)
    ]


def scaled(pictures: Stream, info: SourceInfo, rendition: Rendition) -> Stream:
    """8-bit 4:2:0 in the size of a rendition, with square pixels and colours that are named."""
    matrix = info.untagged_matrix
    from_rgb = {"out_color_matrix": matrix} if info.sample_format.startswith(RGB_FORMATS) else {}
    pictures = _fitted(pictures, info, rendition, flags="bicubic", out_range="tv", **from_rgb)
    pictures = pictures.filter("format", "yuv420p").filter("setsar", 1)
    if matrix and not info.hdr:
        colours = {"color_primaries": matrix, "color_trc": matrix, "colorspace": matrix}
        pictures = pictures.filter("setparams", range="tv", **colours)
    return pictures


def _fitted(pictures: Stream, info: SourceInfo, rendition: Rendition, **options: str) -> Stream:
    """In the size of a rendition. Pictures of another aspect than the film's first ones get bars: a size or a shape may
    change in the middle of a file. A small difference of aspects is the rounding of sizes to even numbers."""
    width, height = rendition.width, rendition.height
    aspect = f"({info.width}/{info.height})"
    same = f"lt(abs(dar/{aspect}-1),{float(SAME_ASPECT)})"
    wide = f"gt(dar,{aspect})"
    size = {
        "w": f"if({same}+{wide},{width},max(2,2*round({height}*dar/2)))",
        "h": f"if({same}+not({wide}),{height},max(2,2*round({width}/dar/2)))",
    }
    return pictures.filter("scale", **size, **options).filter("pad", width, height, -1, -1)


def _prepared(source: Stream, info: SourceInfo) -> Stream:
    """Whole pictures, with the timestamps that the plan counts in."""
    stream = _source_clock(source, info)
    if info.interlaced:  # before the cut, so that its first and last pictures have neighbours; it halves the time base
        stream = _source_clock(stream.filter("bwdif", mode="send_frame", deint="interlaced"), info)
    if has_alpha(info.sample_format):
        stream = stream.filter("premultiply", inplace=1)  # over black
    return stream


def _source_clock(stream: Stream, info: SourceInfo) -> Stream:
    return stream.filter("settb", f"{info.time_base.num}/{info.time_base.den}")


def _window(stream: Stream, plan: Plan, index: int) -> Stream:
    """From the picture that stands at the segment's cut, wherever that picture's own time is."""
    first = plan.first[index]
    return stream.filter("trim", start_pts=first, end_pts=max(plan.cuts[index + 1], first + 1))


def _span(stream: Stream, plan: Plan, index: int) -> Stream:
    return stream.filter("trim", start_pts=plan.cuts[index], end_pts=plan.cuts[index + 1])


def _select(stream: Stream, cap: int) -> Stream:
    """At most `cap` pictures per second, by the arithmetic of planning.cuts.thin_out; 0: all with rising times."""
    slot = f"floor({{}}*{cap}+0.001)" if cap else "{}"
    variable = "t" if cap else "pts"
    now, before = slot.format(variable), slot.format(f"prev_selected_{variable}")
    return stream.filter("select", expr=f"isnan(prev_selected_{variable})+gt({now},{before})")


def _tone_mapped(stream: Stream, info: SourceInfo, largest: Rendition) -> Stream:
    """HDR to BT.709, at the largest size that is wanted: it is done in floats, so pixels are expensive."""
    if not info.hdr or not has_filter("zscale"):
        return stream
    transfer = HDR_TRANSFERS[info.hdr]
    stream = stream.filter("setparams", color_trc=transfer, color_primaries="bt2020", colorspace="bt2020nc")
    stream = _fitted(stream, info, largest, flags="bicubic")
    linear = stream.filter("zscale", t="linear", npl=100).filter("format", "gbrpf32le").filter("zscale", p="bt709")
    mapped = linear.filter("tonemap", "hable", desat=0)
    return mapped.filter("zscale", t="bt709", m="bt709", r="tv").filter("format", "yuv420p")


@functools.cache
def has_filter(name: str) -> bool:
    """Whether this ffmpeg was built with a filter."""
    picture = f"color=s=16x16,format=yuv420p,{name}"
    return run_ffmpeg(["-f", "lavfi", "-i", picture, "-frames:v", "1", "-f", "null", "-"], Limits()).code == 0
