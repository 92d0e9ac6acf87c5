"""The timeline is the union of picture and sound, whichever begins or ends first."""

from pathlib import Path

import pytest

from tests.media.judge.verdict import judge
from tests.media.odd import ends
from tests.media.odd.making import Odd
from tests.media.published import publish


@pytest.mark.parametrize("odd", ends.FILES, ids=str)
def test_picture_and_sound_that_do_not_end_together(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.judged(), tmp_path)
