"""Media segments as they are written: any order of decoding that an encoder with B-frames gives, at any spacing."""

import io
import struct
from itertools import accumulate, pairwise

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.media.mp4 import FragmentedFile, Sample, demux, find, media_segment, with_edit_list
from shared.media.mp4.segment import decode_times
from tests.media.clips import cached, ffmpeg

REORDER = 2  # pictures: of B-frames that other B-frames refer to
# Groups of one reference picture and the B-frames before it, as x264 orders them.
GROUPS = st.sampled_from([[0], [1, 0], [2, 0, 1], [2, 1, 0], [3, 1, 0, 2], [3, 0, 1, 2]])


@st.composite
def decode_orders(draw: st.DrawFn) -> tuple[list[int], int]:
    """Times of presentation in order of decoding, and where the segment ends."""
    order = [0]
    for group in draw(st.lists(GROUPS, max_size=20)):
        order += [len(order) + place for place in group]
    gaps = draw(st.lists(st.integers(1, 900_000), min_size=len(order), max_size=len(order)))
    times = list(accumulate(gaps, initial=draw(st.integers(0, 2**33))))
    return [times[place] for place in order], times[-1]


@given(decode_orders(), st.integers(REORDER + 1, 36_000))
@settings(deadline=None)
def test_any_order_and_any_spacing(drawn: tuple[list[int], int], delay: int) -> None:
    times, end = drawn
    init = with_edit_list(an_init(), delay)
    samples = [Sample(time, 1, 0) for time in times]
    data = media_segment(FragmentedFile(init, samples, [memoryview(b"x")] * len(times)), 1, times[0], end, 0, delay)
    trun = find(data, "moof/traf/trun")
    rows = list(struct.iter_unpack(">IIIi", data[trun.body + 12 : trun.end]))
    durations, offsets = [row[0] for row in rows], [row[3] for row in rows]
    assert all(durations), "decode times rise"
    assert sum(durations) == end - times[0], "the next segment begins where this one ends"
    assert min(offsets) >= 0
    decoded = accumulate(durations[:-1], initial=times[0])
    assert [dts + offset - delay for dts, offset in zip(decoded, offsets, strict=True)] == times
    assert [sample.pts for sample in demux(init + data).samples] == times


@given(decode_orders(), st.integers(0, 36_000))
@settings(deadline=None)
def test_without_reordering_pictures_are_decoded_when_they_are_shown(drawn: tuple[list[int], int], delay: int) -> None:
    times = sorted(drawn[0])
    decoded = decode_times(times, delay)
    assert decoded[0] == times[0]
    assert all(one < other for one, other in pairwise(decoded))
    assert all(dts <= time for dts, time in zip(decoded, times, strict=True))


@pytest.mark.parametrize("times", [[0, 3, 1, 2], [3600, 0]])
def test_what_cannot_be_decoded_before_it_is_shown_is_refused(times: list[int]) -> None:
    with pytest.raises(ValueError, match="reordered"):
        decode_times(times, delay=0)


@pytest.mark.parametrize("rate", ["25", "5"])
@pytest.mark.parametrize("lengths", ["even", "uneven"])
def test_libavformat_shows_each_picture_at_its_time(rate: str, lengths: str) -> None:
    """Real B-frames, in two segments after one initial segment. The first picture is shown at 0."""
    data = reordered(rate, lengths)
    parts = demux(data)
    times = sorted(sample.pts for sample in parts.samples)
    frame = 90_000 // int(rate)
    delay = 2 * frame
    assert [sample.pts for sample in parts.samples] != times, "the encoder reorders"
    keys = [at for at, sample in enumerate(parts.samples) if not sample.flags & 0x10000]
    joined, bounds = with_edit_list(parts.init, delay), [*keys, len(parts.samples)]
    for number, (begin, after) in enumerate(pairwise(bounds), start=1):
        end = parts.samples[after].pts if after < len(parts.samples) else times[-1] + frame
        part = FragmentedFile(parts.init, parts.samples[begin:after], parts.payload[begin:after])
        joined += media_segment(part, number, part.samples[0].pts, end, 0, delay)
    assert len(keys) > 1
    with av.open(io.BytesIO(joined), "r") as container:
        shown = [picture.pts for picture in container.decode(video=0)]
    assert shown == times
    assert shown[0] == 0


def reordered(rate: str, lengths: str) -> bytes:
    """Four seconds in one fragment, with closed groups of two seconds; `uneven`: of each five pictures one is left
    out."""
    left_out = "select='mod(n,5)-3'," if lengths == "uneven" else ""
    graph = f"testsrc2=s=320x180:r={rate}:d=4,{left_out}format=yuv420p"
    keys = "expr:gte(t,n_forced*2)"
    options = "-fps_mode passthrough -enc_time_base 1:90000 -video_track_timescale 90000 -use_editlist 0"
    flags = "+cmaf+frag_custom+delay_moov+frag_discont+skip_trailer"
    coding = f"-c:v libx264 -preset veryfast -bf 3 -force_key_frames {keys} {options} -movflags {flags}"
    path = cached(
        "reordered.mp4", (graph, coding), lambda out: ffmpeg("-f", "lavfi", "-i", graph, *coding.split(), out)
    )
    return path.read_bytes()


def an_init() -> bytes:
    return demux(reordered("25", "even")).init
