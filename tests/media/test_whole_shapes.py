"""A circle stays a circle, and up stays up: in the film, on the poster and on the storyboard."""

from pathlib import Path

import av
import pytest

from shared.media.pictures.thumbnails import make_thumbnails
from tests.media.judge.player import play
from tests.media.judge.shape import crop, shapes
from tests.media.judge.verdict import judge
from tests.media.odd import shapes as files
from tests.media.odd.making import Odd
from tests.media.published import Result, publish

ROUND = 0.04  # how far a circle of some 120 pixels may be off


def _film(result: Result, out: Path) -> Path:
    path = out / "film.mp4"
    path.write_bytes(result.joined(result.plan.renditions[0].name))
    return path


@pytest.mark.parametrize("suffix", ["mov", "mp4"])
@pytest.mark.parametrize("matrix", files.MATRICES, ids=str)
def test_all_pictures_are_turned_and_mirrored_as_the_matrix_says(
    matrix: files.Matrix, suffix: str, tmp_path: Path
) -> None:
    source = files.turned(matrix, suffix).path()
    result = publish(source, tmp_path)
    size = (180, 320) if matrix.turned else (320, 180)
    (film,) = shapes(_film(result, tmp_path), 2)
    assert (film.width, film.height, film.marked) == (*size, matrix.marked)
    assert film.roundness == pytest.approx(1, abs=ROUND)
    thumbnails = make_thumbnails(str(source), result.plan, tmp_path)
    (poster,) = shapes(Path(thumbnails.poster_path), 0)
    assert poster.marked == matrix.marked, "the poster"
    assert poster.roundness == pytest.approx(1, abs=ROUND)
    board = thumbnails.storyboard
    with av.open(board.sheets[0], "r") as sheet:
        tile = crop(next(sheet.decode(video=0)), 0, 0, board.tile_width, board.tile_height)
    assert tile.marked == matrix.marked, "the storyboard"
    assert tile.roundness == pytest.approx(1, abs=2 * ROUND)


@pytest.mark.parametrize("shaped", files.SQUASHED, ids=lambda shaped: str(shaped.odd))
def test_pixels_become_square(shaped: files.Shaped, tmp_path: Path) -> None:
    result = publish(shaped.odd.path(), tmp_path)
    (film,) = shapes(_film(result, tmp_path), 2)
    assert (film.width, film.height) == shaped.size
    assert film.roundness == pytest.approx(1, abs=ROUND)
    assert film.marked == "top left"


@pytest.mark.parametrize("changing", files.CHANGING, ids=lambda changing: str(changing.odd))
def test_the_first_size_stays_and_others_get_bars(changing: files.Changing, tmp_path: Path) -> None:
    result = publish(changing.odd.path(), tmp_path)
    judge(result, changing.odd.expected, tmp_path)
    before, after = shapes(_film(result, tmp_path), 2, 6)
    assert (before.width, before.height) == changing.size
    assert (after.width, after.height) == changing.size
    assert before.roundness == pytest.approx(1, abs=ROUND)
    assert after.roundness == pytest.approx(1, abs=0.06)
    assert after.circle_height > changing.size[1] / 4


@pytest.mark.parametrize("odd", files.ALPHA, ids=str)
def test_what_is_transparent_is_black(odd: Odd, tmp_path: Path) -> None:
    source = odd.path()
    result = publish(source, tmp_path)
    played = play(_film(result, tmp_path))
    poster = make_thumbnails(str(source), result.plan, tmp_path).poster_path
    seen = play(poster).pictures[0]
    for picture in (played.pictures[0], played.pictures[-1]):
        assert picture.luma[0] < 24, "what lies under alpha 0 is shown"
        assert picture.centre > 50, "what is opaque is not"
    assert seen.luma[0] < 24, "what lies under alpha 0 is shown on the poster"
    assert seen.centre > 50
