"""X"""

from pathlib import Path

import pytest

from tests.media.judge.verdict import judge
from tests.media.odd import edits
from tests.media.odd.making import Odd
from tests.media.published import publish


@pytest.mark.parametrize("odd", edits.FILES, ids=str)
def test_edits(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.judged(), tmp_path)
