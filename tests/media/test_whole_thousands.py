"""As test_whole_random.py, with thousands of films: RANDOM_FILMS of them in each test."""

import os

import pytest
from hypothesis import HealthCheck, given, settings

from tests.media.odd.random_film import Film
from tests.media.odd.random_films import CODECS, edited_films, films
from tests.media.test_whole_random import judge_film

FILMS = int(os.environ.get("RANDOM_FILMS", "1000"))
MANY = settings(max_examples=FILMS, suppress_health_check=list(HealthCheck), database=None)


@pytest.mark.timeout(3 * FILMS + 900)
@MANY
@given(films(tuple(CODECS)))
def test_many_films(film: Film) -> None:
    judge_film(film)


@pytest.mark.timeout(3 * FILMS + 900)
@MANY
@given(edited_films())
def test_many_films_with_edit_lists(film: Film) -> None:
    judge_film(film)
