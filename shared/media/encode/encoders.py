"""Which H.264 encoder is used, and how it is asked.

VIDEO_ENCODER names one, or "auto" (the default) takes the first hardware encoder that really encodes a frame here, else
libx264. Hardware is tried only where its device exists, so that a plain machine does not pay for three failed starts.
"""

import functools
import os
import sys
from pathlib import Path

from msgspec import Struct

from shared.media.errors import EncodeError
from shared.media.model import Rendition
from shared.media.sandbox.ffmpeg import last_error_line, run_ffmpeg
from shared.media.sandbox.process import Limits

DEVICE = "/dev/dri/renderD128"


class Encoder(Struct, frozen=True):
    name: str
    device: str = ""  # without it there is no such hardware
    before_input: tuple[str, ...] = ()
    upload: str = ""  # filter that brings a picture to the hardware
    options: tuple[str, ...] = ()
    quality: str = "-crf"

    @property
    def hardware(self) -> bool:
        return self.name != "libx264"

    def arguments(self, rendition: Rendition, key_interval: int, threads: int) -> list[str]:
        rate = ["-maxrate", f"{rendition.max_rate}k", "-bufsize", f"{rendition.buffer_size}k"]
        if not self.hardware:
            # Each segment begins with a fresh buffer. Full ones would let every segment spend a little above the rate:
            # three quarters is about what a long encode at its limit has left.
            rate += ["-rc_init_occupancy", str(rendition.buffer_size * 750)]
        level = ["-profile:v", "high", "-level", rendition.level, "-g", str(key_interval)]
        quality = [self.quality, "23"] if self.quality else ["-b:v", f"{rendition.max_rate * 7 // 10}k"]
        return ["-c:v", self.name, *self.options, *level, *quality, *rate, "-threads", str(threads)]


ENCODERS = [
    Encoder("h264_nvenc", "/dev/nvidiactl", options=("-preset", "p4", "-rc", "vbr", "-bf", "3"), quality="-cq"),
    Encoder(
        "h264_qsv",
        DEVICE,
        before_input=("-init_hw_device", "qsv=hw", "-filter_hw_device", "hw"),
        upload="format=nv12,hwupload=extra_hw_frames=32",
        options=("-preset", "veryfast"),
        quality="",
    ),
    Encoder(
        "h264_vaapi",
        DEVICE,
        before_input=("-vaapi_device", DEVICE),
        upload="format=nv12,hwupload",
        options=("-rc_mode", "VBR"),
        quality="",
    ),
    Encoder("h264_videotoolbox", quality=""),
    Encoder("libx264", options=("-preset", "veryfast", "-bf", "3")),
]
SOFTWARE = ENCODERS[-1]
BY_NAME = {encoder.name: encoder for encoder in ENCODERS}


def chosen_encoder() -> Encoder:
    return _chosen(os.environ.get("VIDEO_ENCODER", "auto") or "auto")


@functools.cache
def _chosen(wanted: str) -> Encoder:
    if wanted == "auto":
        present = (encoder for encoder in ENCODERS if encoder.hardware and _device_exists(encoder))
        return next((encoder for encoder in present if not _trial(encoder)), SOFTWARE)
    if wanted not in BY_NAME:
        raise EncodeError(f"VIDEO_ENCODER is {wanted}; it must be auto or one of {', '.join(BY_NAME)}")
    if error := _trial(BY_NAME[wanted]):
        raise EncodeError(f"VIDEO_ENCODER is {wanted}, which does not work here: {error}")
    return BY_NAME[wanted]


def _device_exists(encoder: Encoder) -> bool:
    if encoder.name == "h264_videotoolbox":
        return sys.platform == "darwin"
    return Path(encoder.device).exists()


def _trial(encoder: Encoder) -> str:
    """Really encode a frame; the complaint when that does not work, else nothing."""
    small = Rendition("trial", 320, 180, 800, 1200, "3.1")
    picture = ["-f", "lavfi", "-i", "color=black:s=320x180:r=25"]
    chain = ",".join(part for part in ("format=yuv420p", encoder.upload) if part)
    arguments = [*encoder.before_input, *picture, "-vf", chain, "-frames:v", "2", *encoder.arguments(small, 50, 1)]
    exited = run_ffmpeg([*arguments, "-f", "null", "-"], Limits(memory=0, cpu_seconds=60, wall_seconds=30.0))
    return last_error_line(exited) if exited.code else ""
