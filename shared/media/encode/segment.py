"""Encode one segment of a video: one ffmpeg that decodes it once and makes every rung named."""

import hashlib
from fractions import Fraction
from math import ceil
from pathlib import Path

from shared.media.encode.encoders import SOFTWARE, Encoder, chosen_encoder
from shared.media.encode.graph import pictures
from shared.media.errors import EncodeError, MediaError
from shared.media.model import MediaSegment, Plan
from shared.media.mp4 import codecs_of, demux, media_segment
from shared.media.sandbox.ffmpeg import input_arguments, last_error_line, run_ffmpeg
from shared.media.sandbox.input import safe_name
from shared.media.sandbox.process import GIB, Exit, Limits

TIMESCALE = 90_000
WALL_SECONDS = 3600.0
FURTHER_BACK = 30  # seconds, for a second look at a segment that came out with a frame too few


def encode_segment(
    source: str,
    plan: Plan,
    index: int,
    renditions: list[str],
    out_dir: Path,
    *,
    threads: int = 1,
    niceness: int = 0,
) -> list[MediaSegment]:
    """Segment `index` of each rendition named, as CMAF files in `out_dir`.

    `threads` decode and scale; each encoder has one, so that the bytes are the same on every machine.

    Never loses the timeline: where nothing can be decoded, the last picture before it stands still (`filler`).
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    job = _Job(source, plan, index, renditions, out_dir, threads, niceness)
    seek = plan.seeks[index]
    made = job.encode(seek)
    if not job.is_whole(made) and seek is not None:
        # An exit code of 0 proves nothing. Decode again from further back, and at last from the beginning; two runs
        # from different places that agree are right: the source has fewer pictures than packets.
        first, further = made, job.further_back(seek)
        made = job.encode(further)
        if not job.is_whole(made) and job.frames(made) != job.frames(first) and further is not None:
            made = job.encode(None)
        made = max(first, made, key=job.closeness)
    if job.frames(made) == 0:
        return job.published(job.filler(), filler=True)
    return job.published(made)


class _Job:
    """What the tries at one segment have in common."""

    def __init__(
        self, source: str, plan: Plan, index: int, renditions: list[str], out_dir: Path, threads: int, niceness: int
    ) -> None:
        self.source, self.plan, self.index, self.threads, self.niceness = source, plan, index, threads, niceness
        self.renditions = [plan.rendition(name) for name in renditions]
        self.out_dir = out_dir
        self.time_base = plan.source.time_base.fraction()
        self.start, self.end = plan.cuts[index], plan.cuts[index + 1]
        self.encoder = chosen_encoder()

    # -- tries: each gives the raw bytes of each rung, in order

    def encode(self, seek: int | None) -> list[bytes]:
        before = [] if seek is None else ["-noaccurate_seek", "-ss", self._seek_seconds(seek)]
        if self.plan.source.counted:  # a change of size must not begin the count anew
            before = [*before, "-reinit_filter", "0"]
        source = input_arguments(self.source, "-threads", str(self.threads), *before)
        return self._run(["-copyts", *source], pictures(self.plan, self.index, self.renditions, self.encoder))

    def filler(self) -> list[bytes]:
        """The last picture before the segment, standing still; black when there is none."""
        for index in range(self.index - 1, max(self.index - 4, -1), -1):
            seek = self.plan.seeks[index]
            before = [] if seek is None else ["-noaccurate_seek", "-ss", self._seek_seconds(seek)]
            source = input_arguments(self.source, "-threads", str(self.threads), *before)
            graph = pictures(self.plan, self.index, self.renditions, self.encoder, still_from=self.plan.cuts[index])
            made = self._run(["-copyts", *source], graph)
            if self.frames(made):
                return made
        rate, info = self.plan.output_frame_rate, self.plan.source
        black = f"color=black:s={info.width}x{info.height}:r={rate.num}/{rate.den}"
        graph = pictures(self.plan, self.index, self.renditions, self.encoder, black=True)
        made = self._run(["-f", "lavfi", "-i", black], graph)
        if not self.frames(made):
            raise EncodeError(f"Segment {self.index} could not be filled")
        return made

    def _run(self, source: list[str], graph: str) -> list[bytes]:
        raw = [self.out_dir / f".{r.name}-{self.index:05d}.raw.mp4" for r in self.renditions]
        try:
            exited = self._ffmpeg(self.encoder, source, graph, raw)
            if exited.code and self.encoder.hardware:  # a busy or broken device must not cost the video
                self.encoder = SOFTWARE
                exited = self._ffmpeg(self.encoder, source, graph.replace(",format=nv12,hwupload", ""), raw)
            self._check(exited)
            return [path.read_bytes() if path.exists() else b"" for path in raw]
        finally:
            for path in raw:
                path.unlink(missing_ok=True)

    def _ffmpeg(self, encoder: Encoder, source: list[str], graph: str, raw: list[Path]) -> Exit:
        rate = self.plan.output_frame_rate.fraction()
        key_interval = max(1, ceil(2 * rate))
        outputs: list[str] = []
        for number, (rendition, path) in enumerate(zip(self.renditions, raw, strict=True)):
            outputs += [
                "-map",
                f"[o{number}]",
                *encoder.arguments(rendition, key_interval, 1),
                *MUXER,
                str(path),
            ]
        graph_arguments = ["-filter_complex_threads", str(self.threads), "-filter_complex", graph]
        return run_ffmpeg([*encoder.before_input, *source, *graph_arguments, *outputs], self._limits(encoder))

    def _limits(self, encoder: Encoder) -> Limits:
        info = self.plan.source
        # Reference and filter pictures, at up to 16 bytes a pixel (tone mapping is done in floats). A GPU's driver maps
        # more than there is, so hardware is bound by time alone.
        memory = 0 if encoder.hardware else 4 * GIB + 64 * 16 * info.width * info.height
        return Limits(memory=memory, cpu_seconds=7200, wall_seconds=WALL_SECONDS, niceness=self.niceness)

    def _check(self, exited: Exit) -> None:
        """Trouble of ours is raised. Damage in the source is not: the frames are counted instead."""
        if exited.timed_out:
            raise EncodeError(f"Segment {self.index} took longer than {WALL_SECONDS:.0f} s")
        if "No space left on device" in exited.stderr:
            raise EncodeError("The disk is full")
        if exited.out_of_memory:
            raise EncodeError("There was not enough memory to encode this")
        if exited.code < 0:
            raise EncodeError(f"ffmpeg was killed by signal {-exited.code}")
        if exited.code and _source_is_another(exited, self.source):
            raise MediaError("The file is no longer the video that was planned.")
        if exited.code and not _source_trouble(exited):
            raise EncodeError(f"ffmpeg failed: {last_error_line(exited)}")

    # -- times

    def further_back(self, seek: int) -> int | None:
        further = seek - int(FURTHER_BACK / self.time_base)
        return further if further > self.plan.cuts[0] else None

    def _seek_seconds(self, pts: int) -> str:
        return f"{float(pts * self.time_base) - self.plan.source.container_start + 1e-6:.6f}"

    def ticks(self, pts: int) -> int:
        """The published time of `pts`: cut 0 is 0."""
        return ticks(self.plan, pts)

    # -- results

    def frames(self, made: list[bytes]) -> int:
        """Of the rung that has fewest."""
        return min(len(demux(data).samples) if b"moof" in data else 0 for data in made)

    def is_whole(self, made: list[bytes]) -> bool:
        """Every planned picture is there; or half of them, where each packet holds one field of a picture."""
        frames, planned = self.frames(made), self.plan.frames[self.index]
        return frames == planned or (self.plan.source.interlaced and abs(2 * frames - planned) <= 1)

    def closeness(self, made: list[bytes]) -> int:
        return -abs(self.plan.frames[self.index] - self.frames(made))

    def published(self, made: list[bytes], filler: bool = False) -> list[MediaSegment]:
        start, end = self.ticks(self.start), self.ticks(self.end)
        shift = -round(self.plan.cuts[0] * self.time_base * TIMESCALE)
        segments = []
        for rendition, data in zip(self.renditions, made, strict=True):
            parts = demux(data)
            path = self.out_dir / f"{rendition.name}-{self.index:05d}.m4s"
            init_path = self.out_dir / f"{rendition.name}-{self.index:05d}-init.mp4"
            size = path.write_bytes(media_segment(parts, self.index + 1, start, end, shift))
            init_path.write_bytes(parts.init)
            segments.append(
                MediaSegment(
                    rendition=rendition.name,
                    index=self.index,
                    path=str(path),
                    init_path=str(init_path),
                    start=start,
                    duration=end - start,
                    timescale=TIMESCALE,
                    frames=len(parts.samples),
                    codecs=codecs_of(parts.init),
                    size=size,
                    init_sha256=hashlib.sha256(parts.init).hexdigest(),
                    filler=filler,
                )
            )
        return segments


MUXER = [
    *("-fps_mode", "passthrough", "-enc_time_base", "1:90000", "-video_track_timescale", str(TIMESCALE)),
    *("-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"),
    *("-avoid_negative_ts", "disabled", "-use_editlist", "0", "-write_btrt", "0"),
    *("-movflags", "+cmaf+frag_custom+delay_moov+frag_discont+skip_trailer", "-f", "mp4", "-y"),
]


def ticks(plan: Plan, pts: int, timescale: int = TIMESCALE) -> int:
    """The published time of a source's `pts`, rounded once from the exact value: joins meet."""
    exact: Fraction = (pts - plan.cuts[0]) * plan.source.time_base.fraction() * timescale
    return round(exact)


def _source_is_another(exited: Exit, source: str) -> bool:
    """ffmpeg could not so much as open it; 5.1 and later ones say so differently."""
    said = exited.stderr
    not_opened = "Error opening input" in said or f"{safe_name(source)}: Invalid data found" in said
    return "not on whitelist" in said or (not_opened and "Invalid data found" in said)


def _source_trouble(exited: Exit) -> bool:
    """What ffmpeg says when a source has nothing (more) to decode."""
    marks = (
        "Invalid data found",
        "Error while decoding",
        "Error submitting packet",
        "Nothing was written",
        "no packets",
        "End of file",
    )
    return any(mark.lower() in exited.stderr.lower() for mark in marks)
