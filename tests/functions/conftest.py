"""Fixtures of tests that go through functions."""

from collections.abc import Iterator

import pytest

from tests.conftest import Database, Wadi
from tests.contract.object_nodes import serve_objects
from tests.functions.people import Person, account
from tests.functions.uploading import Uploader


@pytest.fixture(scope="module")
def object_server(wadi: Wadi) -> Iterator[str]:
    """The gateway's object server, and PUBLIC_URL leads to it, so that the URLs of answers work as they are."""
    with serve_objects() as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUBLIC_URL", url)
        yield url


@pytest.fixture(scope="module")
def creator(database: Database, wadi: Wadi) -> Person:
    return account(database, "Ada")


@pytest.fixture(scope="module")
def uploader(creator: Person, object_server: str, database: Database) -> Uploader:
    return Uploader(creator, database)
