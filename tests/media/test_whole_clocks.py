"""Clocks that start anew, drift or do not exist: all of the film is there, in its order, and in step."""

from pathlib import Path

import pytest

from tests.media.judge.player import play
from tests.media.judge.verdict import judge
from tests.media.odd import clocks
from tests.media.odd.making import Odd
from tests.media.published import publish


@pytest.mark.parametrize("odd", clocks.FILES, ids=str)
def test_odd_clocks(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.judged(), tmp_path)


@pytest.mark.parametrize("odd", clocks.DRIFTING, ids=str)
def test_a_drifting_clock_leaves_no_hole(odd: Odd, tmp_path: Path) -> None:
    """The tone of the source goes on and on: a hole of 20 ms would silence four HOPs of it."""
    result = publish(odd.path(), tmp_path)
    judge(result, odd.expected, tmp_path)
    (tmp_path / "sound.mp4").write_bytes(result.joined("audio"))
    sound = play(tmp_path / "sound.mp4", video=None).sound
    assert sound
    tone = sound.tone(0, 500)[20:-20]
    usual = sorted(tone)[len(tone) // 2]
    assert usual > 0.1
    assert min(tone) > usual / 2, f"a hole at {tone.index(min(tone)) / 200 + 0.1:.2f} s"
