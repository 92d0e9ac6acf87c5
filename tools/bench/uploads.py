"""How many uploads an hour this machine takes when encoding costs nothing: `python -m tools.bench.uploads`.

A whole platform whose encoders copy (tools/bench/copying.py: video, audio and pictures; probing and planning are real).
Clients begin an upload, send its part and complete it, one after the other; then the platform is given time until every
video is ready, placed on all of its nodes and indexed.
"""

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psycopg2

from shared.media.sandbox.ffmpeg import ffmpeg_path
from tools.bench.box import Box, box, until
from tools.bench.copying import prepare

TARGET = 1000  # an hour


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=60)
    parser.add_argument("--clients", type=int, default=4)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as name:
        folder = Path(name)
        clip = _clip(folder / "clip.mp4")
        prepare(clip, folder / "pieces")
        with box(folder, "tools.bench.copying", BENCH_PIECES=str(folder / "pieces")) as platform:
            print(json.dumps(measure(platform, clip.read_bytes(), arguments.uploads, arguments.clients), indent=2))


def measure(platform: Box, film: bytes, uploads: int, clients: int) -> dict[str, Any]:
    upload(platform, film)  # starts what there is to start
    until(lambda: _done(platform) == 1)
    load, began = os.getloadavg()[0], time.monotonic()
    with ThreadPoolExecutor(clients) as pool:
        times = list(pool.map(lambda _: upload(platform, film), range(uploads)))
    accepted = time.monotonic() - began
    until(lambda: _done(platform) == uploads + 1, 900)
    drained = time.monotonic() - began
    return {
        "load_before": load,
        "uploads": uploads,
        "film_mb": round(len(film) / 1e6, 1),
        "inits_and_completes_per_hour": round(uploads / accepted * 3600),
        "videos_ready_placed_indexed_per_hour": round(uploads / drained * 3600),
        "times_the_target": round(uploads / drained * 3600 / TARGET, 1),
        "init_p95_ms": _p95([each["init"] for each in times]),
        "complete_p95_ms": _p95([each["complete"] for each in times]),
    }


def upload(platform: Box, film: bytes) -> dict[str, float]:
    """Milliseconds of the two requests."""
    took = {}
    with httpx.Client(timeout=60, headers={"Authorization": f"Bearer {platform.token}"}) as client:
        began = time.perf_counter()
        begun = client.post(f"{platform.url}/api/uploads", json={"name": "film.mp4", "size": len(film)})
        took["init"] = (time.perf_counter() - began) * 1000
        begun.raise_for_status()
        for part in begun.json()["parts"]:
            data = film[part["offset"] : part["offset"] + part["size"]]
            checksum = b64encode(hashlib.sha256(data).digest()).decode()
            url = httpx.URL(platform.url).join(part["url"])
            sent = httpx.put(url, content=data, headers={"x-amz-checksum-sha256": checksum}, timeout=60)
            sent.raise_for_status()
        began = time.perf_counter()
        done = client.post(f"{platform.url}/api/uploads/{begun.json()['id']}/complete")
        took["complete"] = (time.perf_counter() - began) * 1000
        done.raise_for_status()
    return took


def _done(platform: Box) -> int:
    """How many videos need nothing more."""
    db = psycopg2.connect(platform.database_url)
    try:
        with db.cursor() as cursor:
            cursor.execute(
                "select count(*) from video v where state = 'ready' and indexed_at is not null and thumbnails_done"
                " and not exists (select 1 from media_segment where video_id = v.id and placed_at is null)"
            )
            (count,) = cursor.fetchone() or (0,)
            cursor.execute("select count(*) from video where state = 'failed'")
            (failed,) = cursor.fetchone() or (0,)
    finally:
        db.close()
    assert not failed, "a video failed"
    return int(count)


def _clip(path: Path) -> Path:
    """20 s of 1080p, small enough that sending it is not what is measured."""
    sources = ["-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25", "-f", "lavfi", "-i", "sine=frequency=440"]
    coding = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "30", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    subprocess.run([ffmpeg_path(), "-v", "error", *sources, "-t", "20", *coding, "-y", str(path)], check=True)
    return path


def _p95(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.95)], 1)


if __name__ == "__main__":
    main()
