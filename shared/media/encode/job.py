"""Run ffmpeg for one segment: what all attempts at it have in common."""

import subprocess
from collections.abc import Callable
from math import ceil
from pathlib import Path

from shared.media.encode.command import Stream, arguments, generate, open_source, raw_pictures
from shared.media.encode.encoders import SOFTWARE, Encoder, chosen_encoder
from shared.media.encode.failures import WALL_SECONDS, check_exit, codec_name
from shared.media.encode.filters import black_pictures, renditions_of, segment_pictures, still_picture
from shared.media.errors import EncodeError, MediaError
from shared.media.model import TIMESCALE, Plan
from shared.media.mp4 import demux
from shared.media.reading.pipe import pipe_pictures
from shared.media.reading.piped import PipedPictures, raw_format
from shared.media.sandbox.ffmpeg import run_ffmpeg
from shared.media.sandbox.process import GIB, Exit, Limits

CPU_SECONDS = 7200
# Reference and filter pictures that are in memory at once; up to 16 bytes per pixel, because tone mapping uses floats.
PICTURES_IN_MEMORY = 64
BYTES_PER_PIXEL = 16
KEY_INTERVAL_SECONDS = 2
PLACES_TRIED = 5  # of a source, before it is told that nothing of it can be decoded
# Fragmented MP4 of one fragment, with the source's own times, without anything that differs between machines.
OUTPUT_OPTIONS = {
    "fps_mode": "passthrough",
    "enc_time_base": f"1:{TIMESCALE}",
    "video_track_timescale": str(TIMESCALE),
    "map_metadata": "-1",
    "map_chapters": "-1",
    "fflags": "+bitexact",
    "flags:v": "+bitexact",
    "avoid_negative_ts": "disabled",
    "use_editlist": "0",
    "write_btrt": "0",
    "movflags": "+cmaf+frag_custom+delay_moov+frag_discont+skip_trailer",
    "f": "mp4",
}


class SegmentJob:
    """One segment of some renditions. Each attempt gives the raw bytes of each rendition, in their order."""

    def __init__(
        self, source: str, plan: Plan, index: int, renditions: list[str], work_dir: Path, threads: int, niceness: int
    ) -> None:
        self.source, self.plan, self.index = source, plan, index
        self.renditions = [plan.rendition(name) for name in renditions]
        self.threads, self.niceness, self.work_dir = threads, niceness, work_dir
        self.encoder = chosen_encoder()
        self.piped: PipedPictures | None = None
        self._raw = [work_dir / f".{r.name}-{index:05d}.raw.mp4" for r in self.renditions]

    def encode(self, seek: int | None) -> list[bytes]:
        """The segment, decoded from `seek` (pts) on; None: from the beginning of the source."""
        if self.plan.source.reading is not None:
            return self._encode_piped()
        return self._run(segment_pictures(self._open(seek), self.plan, self.index))

    def _encode_piped(self) -> list[bytes]:
        """The segment as the child reads it; it also finds a picture that can stand where nothing decodes."""
        info = self.plan.source
        pictures = raw_pictures(raw_format(info), self.plan.output_frame_rate)

        def encode() -> Exit:
            exited, self.piped = pipe_pictures(
                self.source, self.plan, self.index, self.niceness, lambda pipe: self._ffmpeg(pictures, pipe)
            )
            return exited

        return self._checked(encode)

    def encode_filler(self) -> list[bytes]:
        """The last picture before the segment, repeated; black when there is none.

        Raises MediaError when nothing of the whole source can be decoded: that is no film.
        """
        # who reads packet by packet has searched already
        for index in self.plan.earlier(self.index) if self.plan.source.reading is None else []:
            source = self._open(self.plan.seeks[index])
            raw = self._run(still_picture(source, self.plan, self.index, self.plan.first[index]))
            if self.frames(raw):
                return raw
        rate, info = self.plan.output_frame_rate, self.plan.source
        if not self._anything_decodes():
            raise MediaError(f"The video is in {codec_name(info)}, of which not one picture could be decoded.")
        black = generate(f"color=black:s={info.width}x{info.height}:r={rate.num}/{rate.den}")
        raw = self._run(black_pictures(black, self.plan, self.index))
        if not self.frames(raw):
            raise EncodeError(f"Segment {self.index} could not be filled")
        return raw

    def _anything_decodes(self) -> bool:
        """Whether a picture can be decoded at any of some places that are spread over the source."""
        segments = self.plan.segments
        places = sorted({segments * n // PLACES_TRIED for n in range(PLACES_TRIED)} | {segments - 1})
        return any(self.frames(self._place(index)) for index in places)

    def _place(self, index: int) -> list[bytes]:
        other = SegmentJob(
            self.source, self.plan, index, [self.plan.renditions[-1].name], self.work_dir, self.threads, self.niceness
        )
        return other.encode(self.plan.seeks[index])

    def frames(self, raw: list[bytes]) -> int:
        """The pictures of the rendition that has fewest."""
        return min(len(demux(data).samples) if b"moof" in data else 0 for data in raw)

    def is_complete(self, raw: list[bytes]) -> bool:
        return self.plan.is_complete(self.index, self.frames(raw))

    def missing(self, raw: list[bytes]) -> int:
        """By how many pictures the result differs from the plan."""
        return abs(self.plan.frames[self.index] - self.frames(raw))

    def _open(self, seek: int | None, **options: int) -> Stream:
        seeking: dict[str, str | None] = {}
        if seek is not None:
            seeking = {"noaccurate_seek": None, "ss": self._seek_seconds(seek)}
        stream_index = self.plan.source.stream_index
        return open_source(self.source, stream_index, threads=self.threads, **options, **seeking)

    def _seek_seconds(self, pts: int) -> str:
        seconds = float(pts * self.plan.source.time_base.fraction()) - self.plan.source.container_start
        return f"{seconds + 1e-6:.6f}"

    def _run(self, pictures: Stream) -> list[bytes]:
        return self._checked(lambda: self._ffmpeg(pictures))

    def _checked(self, encode: Callable[[], Exit]) -> list[bytes]:
        try:
            exited = encode()
            if exited.code and self.encoder.hardware:  # a busy or broken device must not cost the video
                self.encoder = SOFTWARE
                exited = encode()
            check_exit(exited, self.source, self.index, self.plan.source)
            return [path.read_bytes() if path.exists() else b"" for path in self._raw]
        finally:
            for path in self._raw:
                path.unlink(missing_ok=True)

    def _ffmpeg(self, pictures: Stream, stdin: int = subprocess.DEVNULL) -> Exit:
        key_interval = max(1, ceil(KEY_INTERVAL_SECONDS * self.plan.output_frame_rate.fraction()))
        streams = renditions_of(pictures, self.plan, self.renditions, self.encoder)
        reorder = self.plan.delay > 0
        forced = {}
        if again := self.plan.repeats_in(self.index):
            # No B-frame may reach over the time in which a picture stands.
            forced = {"force_key_frames": f"expr:gte(n,{self.plan.frames[self.index] - again})"} if reorder else {}
        outputs = [
            # one encoder thread: the bytes are then the same on every machine
            stream.output(
                str(path),
                **OUTPUT_OPTIONS,
                **forced,
                **self.encoder.output_options(rendition, key_interval, 1, reorder=reorder),
            )
            for stream, path, rendition in zip(streams, self._raw, self.renditions, strict=True)
        ]
        global_options = [*self.encoder.global_options, "-y", "-copyts", "-filter_complex_threads", str(self.threads)]
        return run_ffmpeg([*global_options, *arguments(*outputs)], self._limits(self.encoder), stdin)

    def _limits(self, encoder: Encoder) -> Limits:
        info = self.plan.source
        memory = 4 * GIB + PICTURES_IN_MEMORY * BYTES_PER_PIXEL * info.width * info.height
        return Limits(
            memory=0 if encoder.hardware else memory,  # a GPU's driver maps more than there is: time alone limits it
            cpu_seconds=CPU_SECONDS,
            wall_seconds=WALL_SECONDS,
            niceness=self.niceness,
        )
