"""Which H.264 encoder is used, and with which options.

VIDEO_ENCODER names one, or "auto" (the default) takes the first hardware encoder that really encodes a frame here, else
libx264. Hardware is tried only where its device exists, so that a plain machine does not pay for three failed starts.
"""

import functools
import os
import sys
from pathlib import Path

from msgspec import Struct

from shared.media.encode.command import Stream, arguments, generate
from shared.media.errors import EncodeError
from shared.media.model import Rendition
from shared.media.sandbox.ffmpeg import last_error_line, run_ffmpeg
from shared.media.sandbox.process import Limits

DEVICE = "/dev/dri/renderD128"
QUALITY = "23"  # of the constant quality modes: CRF of libx264, CQ of NVENC
AVERAGE_RATE_PERCENT = 70  # of the maximum rate, for encoders without a constant quality mode
# Each segment begins with a fresh VBV buffer. Full ones would let every segment spend a little above the maximum rate:
# three quarters is about what a long encode at its limit has left.
INITIAL_BUFFER_PERCENT = 75
TRIAL = Rendition("trial", 320, 180, 800, 1200, "3.1")


class Encoder(Struct, frozen=True):
    name: str
    device: str = ""  # the hardware exists where this file does
    global_options: tuple[str, ...] = ()
    uploads: bool = False  # pictures have to be brought into the hardware's memory
    extra_hw_frames: int = 0  # pictures that the encoder holds there at once
    options: dict[str, str] = {}
    quality: str = "crf"  # the option of the constant quality mode; "": there is none

    @property
    def hardware(self) -> bool:
        return self.name != "libx264"

    def upload(self, stream: Stream) -> Stream:
        """`stream` as this encoder takes it."""
        if not self.uploads:
            return stream
        stream = stream.filter("format", "nv12")
        extra = {"extra_hw_frames": self.extra_hw_frames} if self.extra_hw_frames else {}
        return stream.filter("hwupload", **extra)

    def output_options(
        self, rendition: Rendition, key_interval: int, threads: int, *, reorder: bool = True
    ) -> dict[str, str]:
        """ffmpeg's options of one output; `key_interval` is in frames. Without `reorder` there are no B-frames."""
        rate = {"maxrate": f"{rendition.max_rate}k", "bufsize": f"{rendition.buffer_size}k"}
        if not self.hardware:
            rate["rc_init_occupancy"] = str(rendition.buffer_size * 1000 * INITIAL_BUFFER_PERCENT // 100)  # bits
        if self.quality:
            rate[self.quality] = QUALITY
        else:
            rate["b:v"] = f"{rendition.max_rate * AVERAGE_RATE_PERCENT // 100}k"
        level = {"profile:v": "high", "level": rendition.level, "g": str(key_interval)}
        b_frames = {} if reorder else {"bf": "0"}
        return {"c:v": self.name, **self.options, **b_frames, **level, **rate, "threads": str(threads)}


# Three B-frames, of which at most one is a reference: pictures are reordered by two at most, as Plan.delay allows.
ENCODERS = [
    Encoder("h264_nvenc", "/dev/nvidiactl", options={"preset": "p4", "rc": "vbr", "bf": "3"}, quality="cq"),
    Encoder(
        "h264_qsv",
        DEVICE,
        global_options=("-init_hw_device", "qsv=hw", "-filter_hw_device", "hw"),
        uploads=True,
        extra_hw_frames=32,
        options={"preset": "veryfast", "bf": "3"},
        quality="",
    ),
    Encoder(
        "h264_vaapi",
        DEVICE,
        global_options=("-vaapi_device", DEVICE),
        uploads=True,
        options={"rc_mode": "VBR", "bf": "3"},
        quality="",
    ),
    Encoder("h264_videotoolbox", quality=""),
    Encoder("libx264", options={"preset": "veryfast", "bf": "3"}),
]
SOFTWARE = ENCODERS[-1]
BY_NAME = {encoder.name: encoder for encoder in ENCODERS}


def chosen_encoder() -> Encoder:
    """Raises EncodeError when VIDEO_ENCODER names one that does not work here."""
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
    """Really encode two frames; the error message when that does not work, else ""."""
    black = generate("color=black:s=320x180:r=25").filter("format", "yuv420p")
    options = {"frames:v": "2", "f": "null", **encoder.output_options(TRIAL, 50, 1)}
    output = encoder.upload(black).output("-", **options)
    limits = Limits(memory=0, cpu_seconds=60, wall_seconds=30.0)
    exited = run_ffmpeg([*encoder.global_options, *arguments(output)], limits)
    return last_error_line(exited) if exited.code else ""
