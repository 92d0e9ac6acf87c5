"""What tests are made for, derived from the code."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from tools.generate.errors import GenerateError

Found = TypeVar("Found")


def collected(derive: Callable[[], Found]) -> Found:
    """What `derive` returns. A GenerateError is shown as its one sentence, without a traceback."""
    try:
        return derive()
    except GenerateError as error:
        raise pytest.Collector.CollectError(str(error)) from None
