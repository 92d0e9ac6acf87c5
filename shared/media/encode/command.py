"""ffmpeg-python, as far as we use it, with types: inputs, filters and outputs in, the arguments of ffmpeg out.

It is imported when the first command is built: only functions that encode need it, and only the media image has it. It
only builds commands. Programs are run by shared.media.sandbox, under limits. See docs/decisions/0035.
"""

from typing import Protocol

from shared.media.model import Ratio
from shared.media.reading.piped import RawFormat
from shared.media.sandbox.input import input_options, safe_name

Value = str | int


class Output(Protocol):
    """An output file with its options."""


class Stream(Protocol):
    """The pictures that come out of an input or of a filter."""

    def filter(self, name: str, *arguments: Value, **options: Value) -> "Stream": ...

    def filter_multi_output(self, name: str) -> "_Filter": ...

    def output(self, path: str, **options: Value) -> Output: ...


class _Filter(Protocol):
    def stream(self, label: int) -> Stream: ...


def open_source(source: str, stream_index: int, **options: Value | None) -> Stream:
    """One stream of a user's file. It is guarded: nothing but `source` can be opened. None: an option without value."""
    return _input(safe_name(source), str(stream_index), {**input_options(source), **options})


def raw_pictures(shape: RawFormat, frame_rate: Ratio) -> Stream:
    """Raw video from standard input, with even times: who encodes it knows the true ones."""
    options: dict[str, Value | None] = {
        "f": "rawvideo",
        "pixel_format": shape.pixel_format,
        "s": f"{shape.width}x{shape.height}",
        "framerate": f"{frame_rate.num}/{frame_rate.den}",
        "protocol_whitelist": "pipe",
    }
    pictures = _input("pipe:0", "v:0", options)
    if shape.colours:
        names = ("range", "color_primaries", "color_trc", "colorspace")
        pictures = pictures.filter("setparams", **dict(zip(names, shape.colours, strict=True)))
    return pictures.filter("setsar", f"{shape.sample_aspect_ratio.num}/{shape.sample_aspect_ratio.den}")


def generate(source_filter: str) -> Stream:
    """The pictures of a source filter such as "color=black:s=64x64:r=25", through the lavfi input device."""
    return _input(source_filter, "v:0", {"f": "lavfi"})


def split(stream: Stream, count: int) -> list[Stream]:
    """`stream` `count` times: in a filter graph each output can be used only once."""
    if count == 1:
        return [stream]
    copies = stream.filter_multi_output("split")
    return [copies.stream(number) for number in range(count)]


def arguments(*outputs: Output) -> list[str]:
    """The command line of one ffmpeg that makes all outputs, without the program and without global options."""
    import ffmpeg  # type: ignore[import-untyped]  # it has no types

    built: list[str] = ffmpeg.get_args(ffmpeg.merge_outputs(*outputs))
    return built


def _input(name: str, selector: str, options: dict[str, Value | None] | dict[str, str]) -> Stream:
    import ffmpeg

    stream: Stream = ffmpeg.input(name, **options)[selector]
    return stream
