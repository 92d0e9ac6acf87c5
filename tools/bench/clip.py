"""The clip that the benchmarks use: 1080p30 with detail, motion and grain, and a tone. Made once, then cached."""

import os
import subprocess
from pathlib import Path

from shared.media.sandbox.ffmpeg import ffmpeg_path

PICTURE = "testsrc2=size=1920x1080:rate=30,noise=alls=6:allf=t,format=yuv420p"


def bench_clip(seconds: int = 60) -> Path:
    """An MP4 file of that many seconds."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "wadi" / "bench"
    file = folder / f"clip-{seconds}-v1.mp4"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_suffix(".unfinished.mp4")
        sources = ["-f", "lavfi", "-i", PICTURE, "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"]
        coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "3", "-c:a", "aac", "-b:a", "128k"]
        command = [ffmpeg_path(), "-v", "error", *sources, "-t", str(seconds), *coding, "-y", str(unfinished)]
        subprocess.run(command, check=True)
        unfinished.replace(file)
    return file
