"""Codecs and containers that only a recent ffmpeg reads, and the usual ones beside them."""

from tests.media.judge.verdict import Expected
from tests.media.odd.making import Odd, beeps, lavfi, odd_times, pictures

HEVC = "-c:v libx265 -preset ultrafast -x265-params log-level=none"
FILM = Expected(length=6, flashes=odd_times(6), beeps=odd_times(6))
SILENT = Expected(length=6, flashes=odd_times(6))
FILES = [
    Odd(name, [f"{lavfi(pictures(6))} {lavfi(beeps(6))} {codecs} @{name}"], FILM, pictures(6))
    for name, codecs in [
        ("hevc.flv", f"{HEVC} -c:a aac"),
        ("hevc.mp4", f"{HEVC} -tag:v hvc1 -c:a aac"),
        ("hevc.ts", f"{HEVC} -c:a aac"),
        ("av1.flv", "-c:v libsvtav1 -preset 12 -svtav1-params loglevel=0 -c:a aac"),
        ("av1.mp4", "-c:v libsvtav1 -preset 12 -c:a libopus"),
        ("av1.webm", "-c:v libsvtav1 -preset 12 -c:a libopus"),
        ("vp9.flv", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a aac"),
        ("vp9.mp4", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a aac"),
        ("prores.mov", "-c:v prores_ks -c:a pcm_s24le"),
        ("wmv.wmv", "-c:v wmv2 -b:v 1M -c:a wmav2"),
        ("theora.ogv", "-c:v libtheora -c:a libvorbis"),
        ("ffv1.mkv", "-c:v ffv1 -c:a flac"),
        ("vvc.mp4", "-c:v libvvenc -preset faster -c:a aac"),
    ]
]
