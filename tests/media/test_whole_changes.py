"""A stream that changes its codec, its PID, its layout or its rate goes on."""

from pathlib import Path

import pytest

from tests.media.judge.verdict import judge
from tests.media.odd import streams
from tests.media.odd.making import Odd
from tests.media.published import publish


@pytest.mark.parametrize("odd", streams.CHANGES, ids=str)
def test_streams_that_change(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.judged(), tmp_path)
