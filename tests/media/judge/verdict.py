"""Does what was published look and sound as it must?"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from shared.media.manifests.files import init_name, media_template
from shared.media.model import AUDIO_RENDITION, FRAME_SAMPLES, SAMPLE_RATE
from shared.media.planning.build import LONGEST_PICTURE_SECONDS
from tests.media.judge.container import assert_steady, track
from tests.media.judge.player import Played, play, play_by_ffmpeg
from tests.media.published import Result
from tools.bench.media_digests import MEDIA_FOLDER, manifests

FRAME = 0.041  # seconds: one of 25 in a second, which is the most that eye and ear forgive
LUMA = 10.0  # of 255: how far the mean of a second may be off
LOUDNESS = 0.2  # how far the loudness of a channel may be off, as a part of it


class Expected(Struct, frozen=True, kw_only=True):
    """What must be seen and heard. Times are seconds of the published timeline, which starts with the first of picture
    and sound. None: that is not judged."""

    length: float
    flashes: Sequence[float] | None = None
    beeps: Sequence[float] | None = None
    luma: Sequence[float] | None = None  # mean of each whole second
    loudness: tuple[float, float] | None = None  # of left and right: root mean square, 0 … 1
    white: int = 200  # the luma above which a picture is a flash; negative: below which, for black flashes
    tolerance: float = FRAME  # of an onset, in seconds
    length_tolerance: float = 0.06  # a frame of picture, and one of sound: the last one of AAC is filled up


def every(seconds: float, until: float, start: float = 0.0) -> list[float]:
    """Times of what repeats: start, start + seconds …, all before `until`."""
    return [start + n * seconds for n in range(round((until - start) / seconds + 0.499)) if start + n * seconds < until]


def expected_of(source: Path, *, white: int = 200, **known: object) -> Expected:
    """What a player shows and plays of a source whose timestamps can be believed; `known` overrides it."""
    played = play(source)
    zero = played.begins
    seconds = range(int(played.length))
    found = {
        "length": played.length,
        "flashes": [time - zero for time in played.flashes(white)] if played.pictures else None,
        "beeps": [time - zero for time in played.sound.beeps()] if played.sound else None,
        "luma": [played.luma(zero + n, zero + n + 1) for n in seconds] if played.pictures else None,
        "loudness": (played.sound.loudness(0), played.sound.loudness(1)) if played.sound else None,
        "white": white,
    }
    return Expected(**{**found, **known})  # type: ignore[arg-type]  # the fields above


def judge(result: Result, expected: Expected, out: Path | None = None) -> None:
    """Raises AssertionError with what is wrong. With `out`, the folder of the segments, it also plays the manifests."""
    faults = list(_faults(result, expected, out))
    assert not faults, "\n".join(faults)


def _faults(result: Result, expected: Expected, out: Path | None) -> Iterator[str]:
    top = result.plan.renditions[0].name
    try:
        rate = float(result.plan.output_frame_rate.fraction())
        for rendition in result.plan.renditions:
            if rendition.name in result.tracks:
                assert_steady(track(result.joined(rendition.name)), result.plan.delay, rate)
    except AssertionError as fault:
        yield f"boxes: {fault}"
    yield from (f"segments: {fault}" for fault in played_faults(_of_segments(result, top), expected, zero=0.0))
    if out:
        for manifest in write_manifests(result, out):
            played = play_by_ffmpeg(manifest, out)
            faults = played_faults(played, expected, zero=None, last_guessed=manifest.suffix == ".mpd")
            yield from (f"{manifest.name}: {fault}" for fault in faults)


def _of_segments(result: Result, video: str) -> Played:
    """The two tracks, each opened by itself, on the clock that their segments say."""
    folder = Path(result.tracks[video][0].path).parent
    seen = play(_joined(result, video, folder), audio=None)
    if AUDIO_RENDITION not in result.tracks:
        return seen
    heard = play(_joined(result, AUDIO_RENDITION, folder), video=None)
    return Played(seen.pictures, heard.sound, seen.ends)


def _joined(result: Result, rendition: str, folder: Path) -> Path:
    path = folder / f"joined-{rendition}.mp4"
    path.write_bytes(result.joined(rendition))
    return path


def write_manifests(result: Result, out: Path) -> list[Path]:
    """master.m3u8 and manifest.mpd beside the segments, with what they name."""
    segments = [segment for track in result.tracks.values() for segment in track]
    for name, text in manifests(result.plan, segments):
        (out / name).write_text(text)
    media = out / MEDIA_FOLDER
    media.mkdir(exist_ok=True)
    for segment in segments:
        template = media_template(segment.rendition)
        (media / template.replace("$Number$", str(segment.index))).symlink_to(segment.path)
        (media / init_name(segment.rendition, segment.index)).symlink_to(segment.init_path)
    return [out / "master.m3u8", out / "manifest.mpd"]


def played_faults(
    played: Played, expected: Expected, zero: float | None, *, last_guessed: bool = False
) -> Iterator[str]:
    """`last_guessed`: FFmpeg's DASH demuxer gives the last picture the duration of the one before, not its own."""
    start = played.begins if zero is None else zero
    if not played.pictures:
        yield "no picture at all"
        return
    begins = played.pictures[0].time - start
    if abs(begins) > expected.tolerance:
        yield f"the first picture is shown at {begins:.3f} s"
    if played.sound and abs(played.sound.begins - start) > FRAME_SAMPLES / SAMPLE_RATE:
        yield f"the sound begins at {played.sound.begins - start:.3f} s"
    guess = LONGEST_PICTURE_SECONDS if last_guessed else 0
    if not -expected.length_tolerance <= played.length - expected.length <= expected.length_tolerance + guess:
        yield f"it is {played.length:.3f} s long, not {expected.length:.3f} s"
    flashes = [time - start for time in played.flashes(expected.white)]
    beeps = [time - start for time in played.sound.beeps()] if played.sound else []
    if expected.flashes is not None:
        yield from _onset_faults("flash", flashes, expected.flashes, expected.tolerance)
    if expected.beeps is not None:
        yield from _onset_faults("beep", beeps, expected.beeps, expected.tolerance)
    yield from _step_faults(flashes, beeps, expected)
    for second, wanted in enumerate(expected.luma or []):
        mean = played.luma(start + second, start + second + 1)
        if abs(mean - wanted) > LUMA:
            yield f"second {second} has a mean luma of {mean:.0f}, not {wanted:.0f}"
    if expected.loudness:
        for channel, wanted in enumerate(expected.loudness):
            loud = played.sound.loudness(channel) if played.sound else 0.0
            if abs(loud - wanted) > LOUDNESS * wanted + 0.002:
                yield f"the {'right' if channel else 'left'} channel has a loudness of {loud:.4f}, not {wanted:.4f}"


def _onset_faults(kind: str, found: Sequence[float], wanted: Sequence[float], tolerance: float) -> Iterator[str]:
    """Each onset has its like within `tolerance`, and there is none beside."""
    if len(found) != len(wanted) or any(abs(one - other) > tolerance for one, other in zip(found, wanted, strict=True)):
        yield f"{kind} at {_listed(found)}, not {_listed(wanted)}"


def _step_faults(flashes: Sequence[float], beeps: Sequence[float], expected: Expected) -> Iterator[str]:
    """A flash and a beep that belong together are within one frame of one another, whatever the tolerance is."""
    for together in set(expected.flashes or ()) & set(expected.beeps or ()):
        if flashes and beeps:
            flash, beep = _nearest(flashes, together), _nearest(beeps, together)
            if abs(flash - beep) > FRAME:
                yield f"the flash of {together:.3f} s is at {flash:.3f} s, its beep at {beep:.3f} s"


def _nearest(times: Sequence[float], wanted: float) -> float:
    return min(times, key=lambda time: abs(time - wanted))


def _listed(times: Sequence[float]) -> str:
    return ", ".join(f"{time:.3f}" for time in times) or "no time"
