"""What is published was decoded, not filled: whatever the codec and the container."""

from pathlib import Path

import pytest

from tests.media.judge.verdict import judge
from tests.media.odd import codecs
from tests.media.odd.making import Odd
from tests.media.published import publish


@pytest.mark.parametrize("odd", codecs.FILES, ids=str)
def test_all_codecs_are_decoded_as_they_were_probed(odd: Odd, tmp_path: Path) -> None:
    judge(publish(odd.path(), tmp_path), odd.judged(), tmp_path)
