"""Pictures that are turned, mirrored, squashed, or that change their size on the way; and pictures with alpha."""

import struct
from functools import partial
from pathlib import Path
from typing import NamedTuple

from shared.media.mp4 import find
from tests.media.judge.shape import circle
from tests.media.judge.verdict import Expected
from tests.media.odd.making import X264, Odd, beeps, lavfi

FIXED = 0x10000  # 1 in 16.16


class Matrix(NamedTuple):
    """x' = a x + c y, y' = b x + d y, with y downwards (ISO/IEC 14496-12 §8.3.2)."""

    a: int
    b: int
    c: int
    d: int

    @property
    def turned(self) -> bool:
        """Width and height change places."""
        return self.a == 0

    @property
    def marked(self) -> str:
        """Where the top left corner comes to lie."""
        x, y = -self.a - self.c, -self.b - self.d
        return f"{'top' if y < 0 else 'bottom'} {'left' if x < 0 else 'right'}"


MATRICES = [Matrix(a, 0, 0, d) for a in (1, -1) for d in (1, -1)] + [
    Matrix(0, b, c, 0) for b in (1, -1) for c in (1, -1)
]


def set_matrix(name: str, one: str, matrix: Matrix, folder: Path) -> None:
    data = bytearray((folder / one).read_bytes())
    tkhd = find(bytes(data), "moov/trak/tkhd")
    at = tkhd.body + (52 if data[tkhd.body] == 1 else 40)
    a, b, c, d = (value * FIXED for value in matrix)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    (folder / name).write_bytes(data)


ROUND = f"color=black:s=320x180:r=25:d=4,{circle()}"


def turned(matrix: Matrix, suffix: str) -> Odd:
    name = f"matrix{''.join(str(value).replace('-', 'm') for value in matrix)}.{suffix}"
    return Odd(
        name,
        [f"{lavfi(ROUND)} {X264} -g 25 @plain.{suffix}", partial(set_matrix, name, f"plain.{suffix}", matrix)],
        Expected(length=4),
    )


class Shaped(NamedTuple):
    odd: Odd
    size: tuple[int, int]  # of the top rendition


def _squashed(name: str, size: str, sample_aspect: str, published: tuple[int, int], codec: str = X264) -> Shaped:
    graph = f"color=black:s={size}:r=25:d=4,{circle(sample_aspect)},setsar={sample_aspect}"
    return Shaped(Odd(name, [f"{lavfi(graph)} {codec} @{name}"], Expected(length=4)), published)


SQUASHED = [
    _squashed("wide.mp4", "240x180", "4/3", (320, 180)),
    _squashed("wide.mkv", "240x180", "4/3", (320, 180)),
    _squashed("wide.ts", "240x180", "4/3", (320, 180), "-c:v mpeg2video -b:v 2M"),
    _squashed("tall.mp4", "320x180", "1/2", (160, 180)),
    _squashed("pal.mpg", "720x576", "16/15", (640, 480), "-c:v mpeg2video -b:v 4M"),
]


class Changing(NamedTuple):
    """The picture changes at 4 s; the first size stays."""

    odd: Odd
    size: tuple[int, int]


def _part(name: str, size: str, sample_aspect: str, codec: str) -> str:
    graph = f"color=black:s={size}:r=25:d=4,{circle(sample_aspect)},setsar={sample_aspect}"
    return f"{lavfi(graph)} {codec} @{name}"


def concatenated(name: str, folder: Path, parts: tuple[str, ...]) -> None:
    (folder / name).write_bytes(b"".join((folder / part).read_bytes() for part in parts))


def ivf_joined(name: str, one: str, other: str, folder: Path) -> None:
    """The frames of the other IVF file behind those of the first, their times moved by 100."""
    second = (folder / other).read_bytes()[32:]
    out = bytearray((folder / one).read_bytes())
    at = 0
    while at < len(second):
        size, time = struct.unpack_from("<IQ", second, at)
        out += struct.pack("<IQ", size, time + 100) + second[at + 12 : at + 12 + size]
        at += 12 + size
    (folder / name).write_bytes(out)


def _changing(
    name: str, one: tuple[str, str], other: tuple[str, str], size: tuple[int, int], codec: str, suffix: str
) -> Changing:
    parts = (f"1.{suffix}", f"2.{suffix}")
    steps: list[str | partial[None]] = [_part(parts[0], *one, codec)]
    steps.append(_part(parts[1], *other, f"{codec} -output_ts_offset 4" if suffix == "ts" else codec))
    joined = f"both.{suffix}"
    if suffix == "ivf":
        steps.append(partial(ivf_joined, joined, *parts))
    else:
        steps.append(partial(concatenated, joined, parts=parts))
    if joined.partition(".")[2] == name.partition(".")[2]:
        steps.append(partial(concatenated, name, parts=(joined,)))
    else:
        steps.append(f"{lavfi(beeps(8))} -i @{joined} -map 1:v -map 0:a -c:v copy -c:a libopus @{name}")
    return Changing(Odd(name, steps, Expected(length=8, length_tolerance=0.1)), size)


VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 1M"
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 1M"
CHANGING = [
    _changing("turned-vp8.webm", ("320x180", "1"), ("180x320", "1"), (320, 180), VP8, "ivf"),
    _changing("turned-vp9.webm", ("320x180", "1"), ("180x320", "1"), (320, 180), VP9, "ivf"),
    _changing("smaller.webm", ("320x180", "1"), ("160x90", "1"), (320, 180), VP8, "ivf"),
    _changing("larger.webm", ("160x90", "1"), ("320x180", "1"), (160, 90), VP8, "ivf"),
    _changing("turned.ts", ("320x180", "1"), ("180x320", "1"), (320, 180), X264, "ts"),
    _changing("smaller.ts", ("320x180", "1"), ("160x120", "1"), (320, 180), X264, "ts"),
    _changing("aspect.ts", ("240x180", "4/3"), ("240x180", "1"), (320, 180), X264, "ts"),
    _changing("aspect-mpeg2.ts", ("240x180", "1"), ("240x180", "16/9"), (240, 180), "-c:v mpeg2video -b:v 2M", "ts"),
    _changing("turned.flv", ("320x180", "1"), ("180x320", "1"), (320, 180), f"{X264} -bf 0", "flv"),
]

HOLE = "color=magenta:s=320x180:r=25:d=3,format={},{}"
YUV = "geq=lum='lum(X,Y)':cb='cb(X,Y)':cr='cr(X,Y)':a='if(lt(hypot(X-160,Y-90),50),{full},0)'"
RGB = "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='if(lt(hypot(X-160,Y-90),50),255,0)'"


def _alpha(name: str, layout: str, codec: str) -> Odd:
    draw = RGB if layout in ("rgba", "argb", "bgra") else YUV.format(full=1023 if "10" in layout else 255)
    graph = HOLE.format(layout, draw)
    return Odd(name, [f"{lavfi(graph)} {codec} @{name}"], Expected(length=3))


ALPHA = [
    _alpha("prores.mov", "yuva444p10le", "-c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le"),
    _alpha("animation.mov", "argb", "-c:v qtrle -pix_fmt argb"),
    _alpha("png.mov", "rgba", "-c:v png -pix_fmt rgba"),
    _alpha("vp8.webm", "yuva420p", "-c:v libvpx -pix_fmt yuva420p -auto-alt-ref 0 -b:v 1M"),
    _alpha("vp9.webm", "yuva420p", "-c:v libvpx-vp9 -deadline realtime -pix_fmt yuva420p -auto-alt-ref 0"),
    _alpha("vp9.mkv", "yuva420p", "-c:v libvpx-vp9 -deadline realtime -pix_fmt yuva420p -auto-alt-ref 0"),
    _alpha("ffv1.mkv", "yuva420p", "-c:v ffv1 -pix_fmt yuva420p"),
    _alpha("utvideo.avi", "rgba", "-c:v utvideo -pix_fmt gbrap"),
]
