"""What segmenting costs: our segments against one ffmpeg that makes the same ladder, in one run on one machine.

    python tools/bench/media.py [--source FILE] [--seconds 60] [--repeat 2] [--vmaf-every 5]

CPU seconds are measured, not wall time, so that other work on the machine matters little. Each figure is the lowest of
its repeats. The last line printed is JSON.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from math import ceil
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from shared.media.audio.encode import encode_audio
from shared.media.encode.command import arguments, open_source, split
from shared.media.encode.encoders import SOFTWARE
from shared.media.encode.filters import scaled
from shared.media.encode.job import KEY_INTERVAL_SECONDS, OUTPUT_OPTIONS
from shared.media.encode.segment import encode_segment
from shared.media.model import AUDIO_BIT_RATE, SAMPLE_RATE, Plan
from shared.media.pictures.thumbnails import make_thumbnails
from shared.media.planning.plan import plan
from shared.media.sandbox.ffmpeg import ffmpeg_path
from tools.bench.clip import bench_clip


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds that `work` takes, in this process and its children."""

    def now() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    before = now()
    work()
    return now() - before


def in_segments(source: str, planned: Plan, out: Path) -> None:
    names = [rung.name for rung in planned.renditions]
    for index in range(planned.segments):
        encode_segment(source, planned, index, names, out)


def in_one(source: str, planned: Plan, out: Path) -> None:
    """One ffmpeg that decodes once: the same rungs with the same settings, and the audio."""
    interval = ceil(KEY_INTERVAL_SECONDS * planned.output_frame_rate.fraction())
    copies = split(open_source(source, planned.source.stream_index, threads=1), len(planned.renditions))
    outputs = [
        scaled(copy, planned.source, rung).output(
            str(out / f"{rung.name}.mp4"), **OUTPUT_OPTIONS, **SOFTWARE.output_options(rung, interval, 1)
        )
        for copy, rung in zip(copies, planned.renditions, strict=True)
    ]
    for audio in planned.source.audio[:1]:
        aac: dict[str, str | int] = {"c:a": "aac", "b:a": AUDIO_BIT_RATE, "ac": 2, "ar": SAMPLE_RATE}
        outputs.append(open_source(source, audio.stream_index, threads=1).output(str(out / "audio.mp4"), **aac))
    global_options = ["-nostdin", "-v", "error", "-y", "-filter_complex_threads", "1"]
    subprocess.run([ffmpeg_path(), *global_options, *arguments(*outputs)], check=True)


def join(rendition: str, out: Path) -> Path:
    """Init segment + media segments."""
    joined = out / f"{rendition}-joined.mp4"
    segments = sorted(out.glob(f"{rendition}-?????.m4s"))
    joined.write_bytes(b"".join(p.read_bytes() for p in [out / f"{rendition}-00000-init.mp4", *segments]))
    return joined


def vmaf(encoded: Path, source: str, width: int, height: int, every: int) -> float:
    """The mean VMAF score over every nth frame, at the rung's own size."""
    frames = "settb=1/90000,setpts=N*1500"
    scaled = f"scale={width}:{height}:flags=bicubic"
    graph = f"[0:v]{frames}[e];[1:v]{scaled},{frames}[s];[e][s]libvmaf=n_subsample={every}:n_threads=1"
    command = [ffmpeg_path(), "-nostdin", "-i", str(encoded), "-i", source, "-lavfi", graph, "-f", "null", "-"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    found = re.search(r"VMAF score: ([0-9.]+)", said)
    assert found, said[-500:]
    return float(found[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--vmaf-every", type=int, default=5, help="every how many frames; 0: do not measure quality")
    options = parser.parse_args()
    source = str(options.source or bench_clip(options.seconds))
    planned = plan(source)
    ours, theirs, figures = [], [], []
    with tempfile.TemporaryDirectory() as directory:
        out, single = Path(directory, "segments"), Path(directory, "single")
        single.mkdir()
        for _ in range(options.repeat):
            video = cpu(lambda: in_segments(source, planned, out))
            sound = cpu(lambda: list(encode_audio(source, planned, out, "audio")))
            ours.append((video + sound, video, sound))
            theirs.append(cpu(lambda: in_one(source, planned, single)))
        sizes = {"segments": 0, "single": 0}
        names = [*(rung.name for rung in planned.renditions), *(track.rendition for track in planned.source.audio)]
        for name in names:
            sizes["segments"] += join(name, out).stat().st_size
            sizes["single"] += (single / f"{name}.mp4").stat().st_size
        for rung in planned.renditions if options.vmaf_every else []:
            size = rung.width, rung.height, options.vmaf_every
            two = (vmaf(join(rung.name, out), source, *size), vmaf(single / f"{rung.name}.mp4", source, *size))
            figures.append({"rung": rung.name, "segments": two[0], "single": two[1], "difference": two[0] - two[1]})
        start = perf_counter()
        first = cpu(lambda: encode_segment(source, planned, 0, [planned.renditions[-1].name], out))
        first_wall = perf_counter() - start
        whole, video, sound = min(ours)
        result = {
            "segments": planned.segments,
            "cpu_seconds": {"segments": whole, "video": video, "audio": sound, "single": min(theirs)},
            "cpu_ratio": whole / min(theirs),
            "bytes_ratio": sizes["segments"] / sizes["single"],
            "vmaf": figures,
            "plan_cpu_seconds": cpu(lambda: plan(source)),
            "thumbnails_cpu_seconds": cpu(lambda: make_thumbnails(source, planned, out)),
            "first_segment_lowest_rung": {"cpu_seconds": first, "wall_seconds": first_wall},
        }
    report(result)


def report(result: dict[str, Any]) -> None:
    seconds = result["cpu_seconds"]
    print(f"{'':24}{'segments':>12}{'one ffmpeg':>12}")
    print(f"{'CPU seconds':24}{seconds['segments']:12.1f}{seconds['single']:12.1f}   ratio {result['cpu_ratio']:.3f}")
    for row in result["vmaf"]:
        label, difference = f"VMAF {row['rung']}", f"difference {row['difference']:+.2f}"
        print(f"{label:24}{row['segments']:12.2f}{row['single']:12.2f}   {difference}")
    print(f"bytes ratio {result['bytes_ratio']:.4f}; plan {result['plan_cpu_seconds']:.2f} s CPU,", end=" ")
    print(f"thumbnails {result['thumbnails_cpu_seconds']:.2f} s CPU")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
