"""X"""

from pathlib import Path

import pytest

from tests.media.judge.verdict import judge
from tests.media.odd import clocks
from tests.media.odd.making import Odd
from tests.media.published import publish


@pytest.mark.parametrize("odd", clocks.FILES, ids=str)
def test_clocks(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.judged(), tmp_path)
