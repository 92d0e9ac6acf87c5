"""The images, built or found built, and their root file systems."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.images import Image, ImageError, archive, build
from tools.images.__main__ import FOLDER

REQUIRED = bool(os.environ.get("REQUIRE_CLUSTER"))


@pytest.fixture(scope="session")
def images() -> dict[str, Image]:
    if not REQUIRED:
        pytest.skip("asked for by REQUIRE_CLUSTER=1: making images needs root, buildah and debootstrap")
    try:
        return build(FOLDER)
    except ImageError as error:
        pytest.fail(str(error))


@pytest.fixture(scope="session")
def roots(images: dict[str, Image], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("roots")
    for name, image in images.items():
        archive.unpack(image.archive, folder / name)
    folder.chmod(0o755)
    yield {name: folder / name for name in images}
    shutil.rmtree(folder)  # half a gigabyte
