"""SHA-256 of everything that the media library makes of one file: run it before and after a change, and compare.

    python tools/bench/media_digests.py [--seconds 25] [FILE…]

Without a FILE it is the bench clip of so many seconds. libx264 makes the same bytes every time for a fixed number of
threads, so two runs on one machine with one ffmpeg differ only where the code does.
"""

import argparse
import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec

from shared.media.audio.encode import encode_audio
from shared.media.encode.segment import encode_segment
from shared.media.errors import MediaError
from shared.media.manifests import Piece, Published, dash_mpd, hls_master, hls_media
from shared.media.model import MediaSegment, Plan
from shared.media.pictures.storyboard import storyboard_vtt
from shared.media.pictures.thumbnails import make_thumbnails
from shared.media.planning.plan import plan
from tools.bench.clip import bench_clip

MEDIA_FOLDER = "media"  # of the MPD


def outputs(source: str, out: Path) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the plan, each segment and init segment, the pictures, and each manifest."""
    planned = plan(source)
    yield "plan.json", msgspec.json.encode(planned)
    segments: list[MediaSegment] = []
    for index in range(planned.segments):
        segments += encode_segment(source, planned, index, [rung.name for rung in planned.renditions], out)
    for track in planned.source.audio:
        segments += encode_audio(source, planned, out, track.rendition)
    for segment in segments:
        for path in (Path(segment.path), Path(segment.init_path)):
            yield path.name, path.read_bytes()
    thumbnails = make_thumbnails(source, planned, out)
    for path in map(Path, (thumbnails.poster_path, *thumbnails.storyboard.sheets)):
        yield path.name, path.read_bytes()
    names = [Path(sheet).name for sheet in thumbnails.storyboard.sheets]
    vtt = storyboard_vtt(thumbnails.storyboard, names, planned.seconds(planned.cuts[-1]))
    yield "storyboard.vtt", vtt.encode()
    for name, text in manifests(planned, segments):
        yield name, text.encode()


def manifests(planned: Plan, segments: list[MediaSegment]) -> Iterator[tuple[str, str]]:
    pieces: dict[str, list[Piece]] = {}
    for segment in segments:
        piece = Piece(
            index=segment.index,
            url=Path(segment.path).name,
            init_url=Path(segment.init_path).name,
            start=segment.start,
            duration=segment.duration,
            timescale=segment.timescale,
            size=segment.size,
            codecs=segment.codecs,
            init_sha256=segment.init_sha256,
        )
        pieces.setdefault(segment.rendition, []).append(piece)
    video = Published(planned, pieces)
    yield "master.m3u8", hls_master(video)
    for name in video.expected:
        yield f"{name}.m3u8", hls_media(video, name)
    yield "manifest.mpd", dash_mpd(video, f"{MEDIA_FOLDER}/")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=int, default=25)
    options = parser.parse_args()
    os.environ["VIDEO_ENCODER"] = "libx264"
    for source in options.files or [bench_clip(options.seconds)]:
        with tempfile.TemporaryDirectory() as out:
            try:
                for name, data in outputs(str(source), Path(out)):
                    print(hashlib.sha256(data).hexdigest(), f"{source.name}/{name}", flush=True)
            except MediaError as error:
                print(error.reason, source.name, flush=True)


if __name__ == "__main__":
    main()
