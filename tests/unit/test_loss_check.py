"""The check before a source is deleted: what is whole passes, and whatever is taken away from it is found."""

from collections.abc import Callable
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.media.audio.timing import boundaries
from shared.media.model import (
    COVER_PICTURE,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    TIMESCALE,
    AudioTrack,
    Plan,
    Ratio,
    Rendition,
    SourceInfo,
    StreamCount,
    SubtitleTrack,
)
from shared.videos.damage import TrackDamage, damage
from shared.videos.loss_check import losses
from shared.videos.segments import EncodedSegment

RUNGS = ("720p", "360p")
SUBTITLES = {"subtitles-1"}


def planned(frames: list[int], *, tracks: int = 1, interlaced: bool = False) -> Plan:
    """25 pictures a second, the sound as long."""
    cuts = [0, *accumulate(frames)]
    audio = [AudioTrack(f"audio-{n}" if n > 1 else "audio", n, "aac", 2, SAMPLE_RATE, "") for n in range(1, tracks + 1)]
    source = SourceInfo(
        *("mov,mp4", "h264", 640, 360, 0, Ratio(1, 25), Ratio(25, 1), 0.0, cuts[-1], 0, cuts[-1], interlaced),
        *("", True, audio),
        subtitles=[SubtitleTrack(9, "mov_text")],
        streams=[
            StreamCount(0, "video", "h264", cuts[-1]),
            *(StreamCount(t.stream_index, "audio", "aac", cuts[-1] * 1920) for t in audio),
            StreamCount(9, "subtitle", "mov_text", 3),
        ],
    )
    rungs = [Rendition(name, 640, 360, 800, 1600, "3.0") for name in RUNGS]
    return Plan(source, cuts, frames, rungs, Ratio(25, 1), 10, [None] * len(frames), first=cuts[:-1])


def made(plan: Plan) -> list[EncodedSegment]:
    """All of it."""
    ticks = [round(plan.seconds(cut) * TIMESCALE) for cut in plan.cuts]
    found = [
        EncodedSegment(name, index, ticks[index], ticks[index + 1] - ticks[index], TIMESCALE, plan.frames[index])
        for name in RUNGS
        for index in range(plan.segments)
    ]
    edges = boundaries(plan)
    for track in plan.source.audio:
        for index in range(plan.segments):
            start, frames = edges[index] * FRAME_SAMPLES, edges[index + 1] - edges[index]
            found.append(EncodedSegment(track.rendition, index, start, frames * FRAME_SAMPLES, SAMPLE_RATE, frames))
    return found


plans = st.builds(planned, st.lists(st.integers(5, 300), min_size=1, max_size=6), tracks=st.integers(0, 3))


@given(plans)
def test_what_is_whole_lacks_nothing(plan: Plan) -> None:
    assert losses(plan, made(plan), SUBTITLES) == []
    assert damage(plan, made(plan)) is None


HARM: dict[str, Callable[[EncodedSegment], EncodedSegment | None]] = {
    "gone": lambda segment: None,
    "a picture less": lambda segment: replace(segment, frames=segment.frames - 1),
    "a picture more": lambda segment: replace(segment, frames=segment.frames + 1),
    "late": lambda segment: replace(segment, start=segment.start + 1),
    "short": lambda segment: replace(segment, duration=segment.duration - FRAME_SAMPLES * 2),
    "partly decoded": lambda segment: replace(segment, missing=0.04),
    "filler": lambda segment: replace(segment, filler=True),
    "twice": lambda segment: replace(segment, index=segment.index + 1),
}


@pytest.mark.parametrize("harm", HARM)
@given(plan=plans, data=st.data())
def test_harm_to_any_segment_is_found(harm: str, plan: Plan, data: st.DataObject) -> None:
    segments = made(plan)
    at = data.draw(st.integers(0, len(segments) - 1))
    harmed = HARM[harm](segments[at])
    segments[at : at + 1] = [harmed] if harmed else []
    assert losses(plan, segments, SUBTITLES) != []


@given(plans)
def test_harm_to_all_renditions_alike_is_found(plan: Plan) -> None:
    segments = [replace(s, frames=s.frames - 1) if s.rendition in RUNGS and not s.index else s for s in made(plan)]
    assert losses(plan, segments, SUBTITLES) != []


def with_streams(plan: Plan, *streams: StreamCount) -> Plan:
    return replace(plan, source=replace(plan.source, streams=list(streams)))


@pytest.mark.parametrize(
    ("stream", "lost"),
    [
        (StreamCount(0, "video", "h264", 251), "has 251 pictures, and 250 are in the plan"),
        (StreamCount(4, "video", "hevc", 90, "a second picture"), "stream 4 (hevc) is not published: a second picture"),
        (StreamCount(4, "video", "vvc", 90, "vvc cannot be decoded"), "vvc cannot be decoded"),
        (StreamCount(4, "audio", "apac", 90, "apac cannot be decoded"), "sound of stream 4 (apac) is not published"),
        (StreamCount(4, "audio", "aac", 480_000), "in no rendition"),
        (StreamCount(1, "audio", "aac", 16 * SAMPLE_RATE), "lasts 16.0 s, and the video 10.0 s"),
        (StreamCount(4, "video", "mjpeg", 1, COVER_PICTURE), ""),
        (StreamCount(4, "audio", "aac", 0, "aac cannot be decoded"), ""),
        (StreamCount(4, "subtitle", "dvd_subtitle", 9, "subtitles that are pictures"), ""),
        (StreamCount(4, "data", "bin_data", 9, "it is neither picture nor sound"), ""),
        (StreamCount(4, "attachment", "ttf", 1, "it is neither picture nor sound"), ""),
        (StreamCount(1, "audio", "aac", 10 * SAMPLE_RATE + 2 * FRAME_SAMPLES), ""),  # priming
    ],
)
def test_streams_of_the_source(stream: StreamCount, lost: str) -> None:
    plan = with_streams(planned([250]), stream)
    found = losses(plan, made(plan), SUBTITLES)
    assert [lost in sentence for sentence in found] == ([True] if lost else [])


def test_a_picture_that_stands_over_a_cut_is_one() -> None:
    """Two pictures, the second after the cut: the first stands there again."""
    plan = planned([1, 2], tracks=0)
    plan = replace(plan, cuts=[0, 100, 200], first=[0, 0])
    two = with_streams(plan, StreamCount(0, "video", "h264", 2))
    assert losses(two, made(two), SUBTITLES) == []
    three = with_streams(plan, StreamCount(0, "video", "h264", 3))
    assert losses(three, made(three), SUBTITLES) != []


def test_one_picture_of_two_fields_is_whole() -> None:
    plan = planned([250, 251], interlaced=True)
    halves = [replace(s, frames=s.frames // 2) if s.rendition in RUNGS else s for s in made(plan)]
    assert losses(plan, halves, SUBTITLES) == []


def test_subtitles_that_were_not_extracted() -> None:
    plan = planned([250])
    assert losses(plan, made(plan), set()) == ["The subtitles of stream 9 (mov_text) could not be extracted."]


def test_a_plan_from_before_the_counts_has_none_to_compare() -> None:
    plan = with_streams(planned([250]))
    assert losses(plan, made(plan), SUBTITLES) == []


def test_damage_in_words() -> None:
    plan = planned([7200, 300], tracks=2)
    segments = [
        replace(s, filler=True)
        if s.index == 1 and s.rendition in RUNGS
        else replace(s, missing=1.25)
        if s.rendition == "audio-2"
        else s
        for s in made(plan)
    ]
    found = damage(plan, segments)
    assert found is not None
    assert found.length_s == 300
    assert found.tracks == [TrackDamage("video", 12), TrackDamage("audio-2", 2.5)]
    assert found.message == (
        "12 s of 300 s of the picture and 2.5 s of 300 s of the sound of audio-2 could not be decoded."
    )


def test_sound_of_which_nothing_was_decoded_is_told() -> None:
    plan = with_streams(planned([250], tracks=0), StreamCount(1, "audio", "apac", 470, "apac cannot be decoded"))
    found = damage(plan, made(plan))
    assert found is not None
    assert found.message == "All of the sound could not be decoded."
