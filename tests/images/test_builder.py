"""How images are made: once, by one at a time, and never half."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local.layout import ROOT
from tests.patience import until
from tools.images import Image, archive, build, builder

COMMAND = (sys.executable, "-P", "-m", "tools.images", "--folder")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a change of the code, which is the same in every run: what was built of it once is kept."""
    copy = tmp_path_factory.mktemp("tree")
    for name in ("tools", "shared", "events", "functions", "cli"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (".dockerignore", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    _change(copy, "one")
    return copy


@pytest.fixture
def changed(tree: Path, images: dict[str, Image], monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, Image]]:
    monkeypatch.setattr(builder, "ROOT", tree)
    return lambda: build(tree / "made")


def test_a_change_of_the_code_gives_another_name_and_one_other_layer(
    images: dict[str, Image], changed: Callable[[], dict[str, Image]]
) -> None:
    for name, image in changed().items():
        assert image.reference != images[name].reference
        old, new = archive.read(images[name].archive), archive.read(image.archive)
        assert new.reference == image.reference
        assert new.layers[:-1] == old.layers[:-1]
        assert new.layers[-1] != old.layers[-1]
        assert new.config["config"] == old.config["config"]


def test_nothing_is_made_again_when_nothing_changed(changed: Callable[[], dict[str, Image]]) -> None:
    made = changed()
    before = {name: image.archive.stat().st_mtime_ns for name, image in made.items()}
    assert changed() == made
    assert {name: image.archive.stat().st_mtime_ns for name, image in made.items()} == before


def test_what_a_killed_build_left_counts_for_nothing(changed: Callable[[], dict[str, Image]], tree: Path) -> None:
    """The worst moment: one image is new, the other is not, and then the code is as it was before."""
    before = changed()
    stamp = before["api"].archive.stat().st_mtime_ns
    _change(tree, "two")
    process = subprocess.Popen([*COMMAND, tree / "made"], env=os.environ | {"PYTHONPATH": str(tree)})
    try:
        until(lambda: process.poll() is not None or before["api"].archive.stat().st_mtime_ns != stamp, seconds=600)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        _change(tree, "one")
    assert archive.read(before["api"].archive).reference != before["api"].reference
    assert archive.read(before["media"].archive).reference == before["media"].reference
    with ThreadPoolExecutor(2) as two:  # the second waits for the first, and finds what that one made
        made, found = two.map(lambda _: changed(), range(2))
    assert made == found
    for image in made.values():
        assert archive.read(image.archive).reference == image.reference
        bill = json.loads(image.bill.read_text())["metadata"]["component"]
        assert f"{bill['name']}:{bill['version']}" == image.reference
    assert sorted(file.name for file in (tree / "made").iterdir()) == [
        "api.cdx.json", "api.tar", "images.json", "media.cdx.json", "media.tar",
    ]  # fmt: skip


def test_a_lost_part_is_made_again(changed: Callable[[], dict[str, Image]]) -> None:
    made = changed()
    made["api"].bill.unlink()
    changed()
    assert made["api"].bill.exists()


def test_a_full_disk_ends_in_one_line_and_leaves_no_image(images: dict[str, Image], tmp_path: Path) -> None:
    # what is left there is listed from inside: the disk goes with the process
    script = 'full=$1; shift; mount -t tmpfs -o size=64m tmpfs "$full" && "$@" "$full"; echo "$?"; ls -A "$full"'
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", tmp_path, *COMMAND],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert ended.stdout.splitlines() == ["1"]
    (line,) = ended.stderr.splitlines()
    assert line.startswith("Images cannot be made: ")
    assert "no space left on device" in line


def test_who_is_not_root_is_told_what_to_do(images: dict[str, Image], tmp_path: Path) -> None:
    ended = subprocess.run(
        ["unshare", "--user", *COMMAND, tmp_path],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        "Images without a registry are made by root only; anyone builds them with docker: docs/deploy/images.md."
    ]


def _change(tree: Path, text: str) -> None:
    (tree / "functions" / "changed.py").write_text(f"# {text}\n")
