"""Every sound track, subtitle and chapter of a file is kept, with its language and its name."""

from pathlib import Path

import pytest

from shared.media.planning.plan import plan as make_plan
from tests.media.judge.player import play
from tests.media.judge.verdict import judge
from tests.media.odd import tracks
from tests.media.odd.making import Odd, odd_times
from tests.media.odd.tracks import Several
from tests.media.published import publish


@pytest.mark.parametrize("several", tracks.SEVERAL, ids=lambda several: str(several.odd))
def test_every_sound_track_is_heard(several: Several, tmp_path: Path) -> None:
    result = publish(several.odd.path(), tmp_path)
    judge(result, several.odd.expected, tmp_path)
    found = result.plan.source.audio
    assert [track.language for track in found] == [track.spoken for track in several.tracks]
    if several.odd.name.endswith(".mkv"):
        assert [track.name for track in found] == [track.name for track in several.tracks]
    for track, wanted in zip(found, several.tracks, strict=True):
        path = tmp_path / f"{track.rendition}.mp4"
        path.write_bytes(result.joined(track.rendition))
        sound = play(path, video=None).sound
        assert sound
        assert sound.beeps(wanted.tone) == pytest.approx(odd_times(6), abs=0.041)


@pytest.mark.parametrize("odd", tracks.SUBTITLED, ids=str)
def test_text_subtitles_are_kept(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.expected, tmp_path)
    (track,) = make_plan(str(odd.path())).source.subtitles
    assert track.language == "de"


@pytest.mark.parametrize("odd", tracks.CHAPTERS, ids=str)
def test_chapters_are_kept(odd: Odd) -> None:
    found = make_plan(str(odd.path())).source.chapters
    assert [(round(chapter.start, 2), chapter.title) for chapter in found] == [(0.0, "Beginning"), (2.0, "Ende ä")]
