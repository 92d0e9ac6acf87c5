"""X"""

from pathlib import Path

import pytest

from tests.media.judge.verdict import judge
from tests.media.odd import streams
from tests.media.odd.making import Odd
from tests.media.published import publish


@pytest.mark.parametrize("odd", streams.FILES, ids=str)
def test_streams(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.judged(), tmp_path)
