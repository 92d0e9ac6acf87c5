"""Films for these tests, and what became of them."""

import hashlib
import subprocess
from pathlib import Path

import httpx

from shared.media.sandbox.ffmpeg import ffmpeg_path
from tests.e2e.playlists import hls_tracks


def film(file: Path, *, seconds: int, tone: int = 300) -> Path:
    """A small one of several segments: a source with a keyframe a second."""
    picture = ["-f", "lavfi", "-i", f"testsrc2=size=640x480:rate=25:duration={seconds}"]
    sound = ["-f", "lavfi", "-i", f"sine=frequency={tone}:duration={seconds}"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([ffmpeg_path(), "-v", "error", *picture, *sound, *coding, str(file)], check=True)
    return file


def renditions(client: httpx.Client, video_id: str) -> dict[str, str]:
    """The hash of every rendition's bytes."""
    tracks = hls_tracks(client, str(client.base_url.join(f"/api/videos/{video_id}/manifest/master.m3u8")))
    return {f"{track.height}": hashlib.sha256(track.fetch(client)).hexdigest() for track in tracks}
