"""Films of random pieces, clocks and edit lists: whatever is in the file is seen and heard at its time."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from tests.media.judge.verdict import judge
from tests.media.odd.random_film import Film, build
from tests.media.odd.random_films import edited_films, films
from tests.media.published import publish


def judge_film(film: Film) -> None:
    with TemporaryDirectory() as folder:
        built = build(film, Path(folder))
        judge(publish(built.path, Path(folder)), built.expected)


FEW = settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck), database=None)


@FEW
@given(films(("mkv", "webm")))
def test_films_in_matroska(film: Film) -> None:
    judge_film(film)


@FEW
@given(films(("mp4", "mov")))
def test_films_in_mp4(film: Film) -> None:
    judge_film(film)


@FEW
@given(films(("ts", "flv")))
def test_films_in_streams(film: Film) -> None:
    judge_film(film)


@FEW
@given(edited_films())
def test_films_with_edit_lists(film: Film) -> None:
    judge_film(film)
