"""The filter graph of an encode: one decoded picture, made ready once, then scaled to every rung."""

import functools

from shared.media.encode.encoders import Encoder
from shared.media.model import Plan, Rendition
from shared.media.sandbox.ffmpeg import run_ffmpeg
from shared.media.sandbox.process import Limits


def pictures(
    plan: Plan,
    index: int,
    renditions: list[Rendition],
    encoder: Encoder,
    *,
    still_from: int | None = None,
    black: bool = False,
) -> str:
    """The graph whose outputs [o0], [o1] … are segment `index` in each rendition.

    `still_from`: the last picture from there to the segment's start stands still over the segment instead.
    """
    info = plan.source
    start, end = plan.cuts[index], plan.cuts[index + 1]
    clock = f"settb={info.time_base.num}/{info.time_base.den}"
    rate = f"{plan.output_frame_rate.num}/{plan.output_frame_rate.den}"
    window = f"trim=start_pts={start}:end_pts={end}"
    if black:
        chain = [clock, f"setpts=PTS+{start}", window]
    else:
        chain = [clock]
        if info.counted:
            chain.append("setpts=N")
        if info.interlaced:  # before the cut, so that its first and last pictures have neighbours; it halves the clock
            chain += ["bwdif=mode=send_frame:deint=interlaced", clock]
        if still_from is not None:
            chain += [
                f"trim=start_pts={still_from}:end_pts={start}",
                f"fps={rate}",
                "tpad=stop=-1:stop_mode=clone",
                clock,
            ]
        chain.append(window)
        chain.append(selection(0 if still_from is not None else plan.frame_rate_cap))
    source = "0:v:0" if black else f"0:{info.stream_index}"
    largest = max(renditions, key=lambda r: r.width * r.height)
    chain += _colours(plan, largest)
    if len(renditions) == 1:
        return f"[{source}]{','.join([*chain, *rung_filters(plan, renditions[0], encoder)])}[o0]"
    fan = "".join(f"[i{n}]" for n in range(len(renditions)))
    rungs = [f"[i{n}]{','.join(rung_filters(plan, r, encoder))}[o{n}]" for n, r in enumerate(renditions)]
    return ";".join([f"[{source}]{','.join(chain)},split={len(renditions)}{fan}", *rungs])


def _colours(plan: Plan, largest: Rendition) -> list[str]:
    """Bring wide colours to BT.709, at the largest size that is wanted: it costs floats a pixel."""
    info = plan.source
    if info.hdr and has_filter("zscale"):
        transfer = {"pq": "smpte2084", "hlg": "arib-std-b67"}[info.hdr]
        return [
            f"setparams=color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc",
            f"scale={largest.width}:{largest.height}:flags=bicubic",
            "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0",
            "zscale=t=bt709:m=bt709:r=tv,format=yuv420p",
        ]
    return []


def rung_filters(plan: Plan, rendition: Rendition, encoder: Encoder) -> list[str]:
    matrix = plan.source.untagged_matrix
    from_rgb = plan.source.sample_format.startswith(("rgb", "bgr", "gbr", "argb", "abgr", "pal", "0rgb", "0bgr"))
    scale = f"scale={rendition.width}:{rendition.height}:flags=bicubic:out_range=tv"
    if from_rgb:
        scale += f":out_color_matrix={matrix}"
    chain = [scale, "format=yuv420p", "setsar=1"]
    if matrix and not plan.source.hdr:
        chain.append(f"setparams=range=tv:color_primaries={matrix}:color_trc={matrix}:colorspace={matrix}")
    if encoder.upload:
        chain.append(encoder.upload)
    return chain


@functools.cache
def has_filter(name: str) -> bool:
    """Whether this ffmpeg was built with a filter."""
    exited = run_ffmpeg(
        ["-f", "lavfi", "-i", f"color=s=16x16,format=yuv420p,{name}", "-frames:v", "1", "-f", "null", "-"], Limits()
    )
    return exited.code == 0


def selection(cap: int) -> str:
    """The `select` filter that does so; without a cap it keeps every picture that is later than the one before."""
    slot = f"floor({{}}*{cap}+0.001)" if cap else "{}"
    variable = "t" if cap else "pts"
    now, before = slot.format(variable), slot.format(f"prev_selected_{variable}")
    return f"select='isnan(prev_selected_{variable})+gt({now},{before})'"
