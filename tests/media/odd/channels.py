"""Odd numbers and orders of channels. What both ears must hear of the beep is told as root mean square."""

from functools import partial
from pathlib import Path

from tests.media.judge.verdict import Expected
from tests.media.odd.making import X264, Odd, beeps, lavfi, odd_times, pictures

MPEG_5_1_C = 123 << 16 | 6  # Apple's channel layout tag: L C R Ls Rs LFE
FULL = 0.1107  # a channel that beeps
MIXED = 0.0783  # a channel 3 dB down: the centre, in both


def _file(name: str, layout: str, channels: str, codec: str, heard: tuple[float, float] | None, more: str = "") -> Odd:
    sound = lavfi(beeps(6, channels=channels, layout=layout))
    expected = Expected(length=6, flashes=odd_times(6), beeps=odd_times(6), loudness=heard)
    return Odd(name, [f"{lavfi(pictures(6))} {sound} {X264} -c:a {codec} {more} @{name}"], expected)


def tagged(name: str, one: str, tag: int, folder: Path) -> None:
    """Names another order of the channels in the QuickTime file."""
    data = bytearray((folder / one).read_bytes())
    at = data.rfind(b"chan")
    data[at + 8 : at + 12] = tag.to_bytes(4, "big")
    (folder / name).write_bytes(data)


def _reordered(name: str, tag: int, channels: str) -> Odd:
    """Six channels of PCM in an order that FFmpeg has no name for; `channels` is in the order of the bytes."""
    made = _file("plain.mov", "5.1", channels, "pcm_s16le", None)
    return Odd(name, [*made.steps, partial(tagged, name, "plain.mov", tag)], made.expected)


FILES = [
    _file("mono.mp4", "mono", "{}", "aac", (MIXED, MIXED)),
    _file("left.mp4", "stereo", "{}|0", "aac", (FULL, 0.0)),
    _file("right.mkv", "stereo", "0|{}", "flac", (0.0, FULL)),
    _file("both.mov", "stereo", "{}|{}", "pcm_s16le", (FULL, FULL)),
    _reordered("centre-c.mov", MPEG_5_1_C, "0|{}|0|0|0|0"),
    _reordered("left-c.mov", MPEG_5_1_C, "{}|0|0|0|0|0"),
    _reordered("right-c.mov", MPEG_5_1_C, "0|0|{}|0|0|0"),
    _file("centre.mov", "5.1", "0|0|{}|0|0|0", "pcm_s16le", None),
    _file("centre.mp4", "5.1", "0|0|{}|0|0|0", "aac", None),
    _file("centre-back.mkv", "5.1(side)", "0|0|{}|0|0|0", "ac3", None),
    _file("surround.mkv", "5.1", "0|0|0|0|{}|0", "flac", None),
    _file("quad.mov", "quad", "{}|0|0|0", "pcm_s16le", None),
    _file("quad.mkv", "quad", "0|0|{}|0", "pcm_s16le", None),
    _file("four.mov", "4.0", "0|0|{}|0", "pcm_s16le", None),
    _file("six.mov", "6.1", "0|0|{}|0|0|0|0", "pcm_s16le", None),
    _file("seven.mkv", "7.1", "0|0|{}|0|0|0|0|0", "flac", None),
    _file("seven-opus.mkv", "7.1", "0|0|{}|0|0|0|0|0", "libopus", None, "-b:a 512k"),
    _file("unnamed6.mkv", "6c", "0|0|{}|0|0|0", "pcm_s16le", None),
    _file("unnamed3.mov", "3c", "{}|0|0", "pcm_s16le", None),
    _file("three.mkv", "3.0", "0|0|{}", "flac", None),
]
