"""./task clean removes what Wadi made, asks first, and keeps its hands off what is not Wadi's."""

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with data, a half-made .venv and caches."""
    root = tmp_path / "checkout"
    made = (
        "local/setup",
        ".data/postgres",
        ".data/objects",
        ".venv/bin",
        ".mypy_cache",
        "shared/__pycache__",
        "cache/wadi",
    )
    for folder in made:
        (root / folder).mkdir(parents=True)
    for name in ("task", "Taskfile.yml", "local/setup/clean.py"):
        shutil.copy(ROOT / name, root / name)
    return root


def surroundings(checkout: Path) -> dict[str, str]:
    """The environment, with a cache directory of the test's own: the real one must survive this."""
    kept = {name: value for name, value in os.environ.items() if name != "WADI_DATA"}
    return kept | {"XDG_CACHE_HOME": str(checkout / "cache")}


def clean(checkout: Path, *arguments: str, data: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = surroundings(checkout) | ({"WADI_DATA": str(data)} if data else {})
    command = [str(checkout / "task"), "clean", *arguments]
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
    )


def left(checkout: Path) -> set[str]:
    return {str(path.relative_to(checkout)) for path in checkout.rglob("*")}


@pytest.mark.parametrize("yes", [["--yes"], ["-y"], ["--", "--yes"]])
def test_it_removes_data_environment_and_caches(checkout: Path, yes: list[str]) -> None:
    done = clean(checkout, *yes)
    assert done.returncode == 0, done.stderr
    assert left(checkout) == {
        "task",
        "Taskfile.yml",
        "local",
        "local/setup",
        "local/setup/clean.py",
        "shared",
        "cache",
    }


def test_without_a_person_to_ask_it_removes_nothing(checkout: Path) -> None:
    before = left(checkout)
    done = clean(checkout)
    assert done.returncode == 1
    assert "say ./task clean --yes" in done.stderr
    assert left(checkout) == before


@pytest.mark.parametrize(("answer", "stays"), [("y\n", False), ("n\n", True), ("\n", True)])
def test_it_asks_the_person(checkout: Path, answer: str, stays: bool) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [checkout / "task", "clean"], env=surroundings(checkout), stdin=theirs, stdout=subprocess.PIPE, text=True
    ) as run:
        os.close(theirs)
        os.write(ours, answer.encode())
        said, _ = run.communicate(timeout=60)
    os.close(ours)
    assert "removes every video and account" in said
    assert (checkout / ".data").exists() == stays


def test_a_directory_that_is_not_wadis_is_left_alone(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    done = clean(checkout, "--yes", data=tmp_path / "mine")
    assert done.returncode == 1
    assert "does not look like a data directory of Wadi's" in done.stderr
    assert (tmp_path / "mine" / "thesis.txt").exists()
    assert (checkout / ".venv").exists()


def test_the_checkout_itself_is_never_taken_for_data(checkout: Path) -> None:
    (checkout / "objects").mkdir()
    assert clean(checkout, "--yes", data=checkout).returncode == 1
    assert (checkout / "task").exists()


def test_a_directory_given_by_a_relative_path_is_the_one_that_the_user_means(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / "mine" / "objects").mkdir(parents=True)
    command = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]
    done = subprocess.run(
        [*command, str(checkout / "task"), "clean", "--yes"],
        cwd=tmp_path / "elsewhere",
        env={**surroundings(checkout), "WADI_DATA": "mine"},
        check=False,
    )
    assert done.returncode == 0
    assert not (tmp_path / "elsewhere" / "mine").exists()
    assert (checkout / ".data").exists()


@pytest.mark.parametrize("stops", [True, False])
def test_what_else_was_started_is_stopped_first_or_all_stays(checkout: Path, stops: bool) -> None:
    for folder in (".cluster", ".backends"):
        (checkout / folder).mkdir()
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\necho "$2 $3" >> cache/called\nexit {0 if stops else 1}\n')
    python.chmod(0o755)
    done = clean(checkout, "--yes")
    called = (checkout / "cache" / "called").read_text().splitlines()
    if stops:
        assert done.returncode == 0, done.stderr
        assert called == ["tools.cluster down", "tools.backends down"]
        assert not (checkout / ".cluster").exists()
        assert not (checkout / ".backends").exists()
    else:
        assert (done.returncode, called) == (1, ["tools.cluster down"])
        assert (checkout / ".venv").exists()
        assert (checkout / ".backends").exists()
