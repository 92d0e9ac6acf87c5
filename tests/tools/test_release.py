"""./task release on a repository of its own: what it changes, and what it refuses."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = """# Changelog
All notable changes.

## [Unreleased]
### Added
- Something new.

## [0.1.0] - 2026-01-02
- The beginning.
"""


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "CHANGELOG.md").write_text(CHANGELOG)
        (root / "pyproject.toml").write_text('[project]\nname = "wadi"\nversion = "0.1.0"\n')
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        self.commit()

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self.root, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> None:
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "A change")

    def release(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As the task runs it, but for the repository that it works on."""
        code = (
            "import sys; from pathlib import Path; import tools.release.__main__ as command;"
            f"command.ROOT = Path({str(self.root)!r}); sys.exit(command.main(sys.argv[1:]))"
        )
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments], env=environment, capture_output=True, text=True
        )

    def state(self) -> tuple[str, ...]:
        files = tuple((self.root / name).read_text() for name in ("CHANGELOG.md", "pyproject.toml"))
        return (self.git("rev-parse", "HEAD"), self.git("tag"), self.git("status", "--porcelain"), *files)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_a_release_is_a_commit_and_an_annotated_tag(repository: Repository) -> None:
    ended = repository.release("0.2.0")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "v0.2.0" in ended.stdout
    assert repository.git("status", "--porcelain") == ""
    assert repository.git("log", "-1", "--format=%s") == "Release 0.2.0"
    assert repository.git("show", "--format=", "--name-only", "HEAD").split() == ["CHANGELOG.md", "pyproject.toml"]
    assert repository.git("cat-file", "-t", "v0.2.0") == "tag"
    assert repository.git("rev-parse", "v0.2.0^{}") == repository.git("rev-parse", "HEAD")
    assert "### Added\n- Something new." in repository.git("tag", "--list", "v0.2.0", "--format=%(contents)")


def test_the_notes_go_under_the_version_and_the_version_where_it_stands(repository: Repository) -> None:
    repository.release("0.2.0")
    head, _, rest = (repository.root / "CHANGELOG.md").read_text().partition("## [Unreleased]\n")
    assert head == "# Changelog\nAll notable changes.\n\n"
    heading, rest = rest.lstrip("\n").split("\n", 1)
    name, _, day = heading.rpartition(" - ")
    assert name == "## [0.2.0]"
    assert abs(date.fromisoformat(day) - datetime.now(UTC).date()) <= timedelta(days=1)  # the test may cross midnight
    assert rest == "### Added\n- Something new.\n\n## [0.1.0] - 2026-01-02\n- The beginning.\n"
    assert 'version = "0.2.0"' in (repository.root / "pyproject.toml").read_text()


def test_the_first_release_may_have_the_version_that_is_there(repository: Repository) -> None:
    assert repository.release("0.1.0").returncode == 0
    assert repository.git("tag") == "v0.1.0"


@pytest.mark.parametrize("wanted", ["1.2", "v1.2.3", "1.2.3-rc1", "01.2.3", "latest"])
def test_what_is_no_version_is_refused(repository: Repository, wanted: str) -> None:
    before = repository.state()
    ended = repository.release(wanted)
    assert ended.returncode == 1
    assert ended.stderr == f"{wanted} is not a version: give three numbers, such as 1.2.3.\n"
    assert repository.state() == before


@pytest.mark.parametrize("arguments", [(), ("1.2.3", "1.2.4"), ("--help",)])
def test_anything_but_one_version_shows_the_usage(repository: Repository, arguments: tuple[str, ...]) -> None:
    ended = repository.release(*arguments)
    assert (ended.returncode, ended.stderr) == (2, "usage: ./task release -- X.Y.Z\n")


def test_a_tree_with_changes_is_refused(repository: Repository) -> None:
    (repository.root / "new.txt").write_text("not committed")
    before = repository.state()
    ended = repository.release("0.2.0")
    assert ended.returncode == 1
    assert "not committed" in ended.stderr
    assert repository.state() == before


def test_a_version_that_was_released_or_is_older_is_refused(repository: Repository) -> None:
    repository.release("0.2.0")
    (repository.root / "CHANGELOG.md").write_text(CHANGELOG)
    repository.commit()
    before = repository.state()
    for wanted, words in (("0.2.0", "exists already"), ("0.1.9", "older than 0.2.0")):
        ended = repository.release(wanted)
        assert ended.returncode == 1
        assert words in ended.stderr
    assert repository.state() == before


def test_nothing_to_release_is_refused(repository: Repository) -> None:
    repository.release("0.2.0")
    before = repository.state()
    ended = repository.release("0.3.0")
    assert ended.returncode == 1
    assert "nothing under [Unreleased]" in ended.stderr
    assert repository.state() == before


def test_a_commit_that_a_hook_refuses_leaves_everything_as_it_was(repository: Repository) -> None:
    hook = repository.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho the hook says no >&2\nexit 1\n")
    hook.chmod(0o755)
    before = repository.state()
    ended = repository.release("0.2.0")
    assert ended.returncode == 1
    assert ended.stderr == "git commit failed: the hook says no\n"
    assert repository.state() == before
