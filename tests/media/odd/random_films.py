"""Strategies of hypothesis for random films."""

from hypothesis import strategies as st

from tests.media.odd.random_film import GROUP, LENGTH, Edit, Film, Piece

WHOLE = LENGTH * 10
CODECS = {
    "mkv": (("h264", "h264 with B-frames", "mpeg2", "mjpeg", "vp8"), ("aac", "mp3", "ac3", "opus", "pcm")),
    "webm": (("vp8",), ("opus",)),
    "mp4": (("h264", "h264 with B-frames"), ("aac", "mp3", "ac3", "opus")),
    "mov": (("h264", "h264 with B-frames", "mjpeg"), ("aac", "pcm")),
    "ts": (("h264", "h264 with B-frames", "mpeg2"), ("aac", "mp3", "ac3")),
    "flv": (("h264", "h264 with B-frames"), ("aac", "mp3")),
}


@st.composite
def pieces(draw: st.DrawFn, step: int, quiet: bool, most: int = 3) -> tuple[Piece, ...]:
    """One to `most` pieces, `step` tenths apart; with `quiet`, none begins or ends where it beeps."""
    places = [at for at in range(0, WHOLE + 1, step) if not quiet or at % 10 not in (0, 1, 9) or at in (0, WHOLE)]
    count = draw(st.integers(1, most))
    chosen = draw(st.lists(st.sampled_from(places), min_size=2 * count, max_size=2 * count, unique=True))
    ends = sorted(chosen)
    return tuple(Piece(begin, end) for begin, end in zip(ends[::2], ends[1::2], strict=True))


@st.composite
def films(draw: st.DrawFn, containers: tuple[str, ...]) -> Film:
    container = draw(st.sampled_from(containers))
    videos, audios = CODECS[container]
    video, audio = draw(st.sampled_from(videos)), draw(st.sampled_from(audios))
    later = st.sampled_from([0, 0, 30, 500, 1_730, 4_000])
    return Film(
        container,
        video,
        audio,
        draw(pieces(GROUP if video == "h264 with B-frames" else 1, quiet=False)),
        draw(pieces(1, quiet=True, most=1 if audio == "pcm" and container == "mov" else 3)),  # PCM has no times in MOV
        picture_later=draw(later),
        sound_later=draw(later),
        start=draw(st.sampled_from([0, 0, 1_000, 100_000])),
    )


@st.composite
def edits(draw: st.DrawFn, places: list[int]) -> Edit:
    """From one of these tenths of a second of the media to another."""
    begin, end = sorted(draw(st.lists(st.sampled_from(places), min_size=2, max_size=2, unique=True)))
    return Edit(draw(st.sampled_from([0, 0, 3, 17, 40])), begin, end - begin)


@st.composite
def edited_films(draw: st.DrawFn) -> Film:
    """All of picture and sound is there, and edit lists say what of it is shown, and when."""
    whole = (Piece(0, WHOLE),)
    picture = draw(st.none() | edits(list(range(WHOLE + 1))))
    sound = draw(st.none() | edits([0, *range(5, WHOLE, 10), WHOLE]))  # no beep is cut
    return Film("mov", "h264", "pcm", whole, whole, edits=(picture, sound))
