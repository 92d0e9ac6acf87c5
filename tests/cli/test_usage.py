"""What a clumsy user types, and what is said to it. No platform is needed for these."""

import os
import pty
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from cli.app import COMMANDS
from cli.exits import MEANING, Exit
from tests.cli.part_server import PartServer
from tests.cli.runs import ROOT, User

VIDEO = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def nowhere(tmp_path: Path) -> User:
    """A server that is down: port 9 (discard) of this machine."""
    return User(tmp_path, "http://127.0.0.1:9")


def test_every_command_and_exit_code_is_in_the_docs() -> None:
    page = (ROOT / "docs/cli.md").read_text()
    assert [name for name in COMMANDS if f"`wadi {name}" not in page] == []
    in_the_table = dict(re.findall(r"^\| (\d+) \| (.+) \|$", page, re.MULTILINE))
    assert in_the_table == {str(code.value): meaning for code, meaning in MEANING.items()}


def test_help_names_every_command(nowhere: User) -> None:
    ended = nowhere.wadi("--help")
    assert ended.code == Exit.OK
    assert [name for name in COMMANDS if name not in ended.out] == []


def test_version_is_that_of_the_project(nowhere: User) -> None:
    ended = nowhere.wadi("--version")
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert (ended.code, ended.out) == (Exit.OK, f"wadi {declared}\n")


@pytest.mark.parametrize(
    "line", ["", "uplaod", "upload", "videos --limit many", "videos --limit -1", "upload f --watch --timeout nan"]
)
def test_a_wrong_command_line(nowhere: User, line: str) -> None:
    ended = nowhere.wadi(*line.split())
    assert ended.code == Exit.USAGE
    assert "usage: wadi" in ended.err


@pytest.mark.parametrize("line", ["videos", "search x", f"status {VIDEO}", "whoami", "upload movie.mp4", "ps"])
def test_a_server_that_is_down(nowhere: User, movie: Path, line: str) -> None:
    nowhere.extra["WADI_TOKEN"] = "some"
    ended = nowhere.wadi(*line.split(), *(["--patience", "0"] if line.startswith("upload") else []))
    assert ended.code == Exit.UNREACHABLE
    assert "Nothing answers at http://127.0.0.1:9." in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("line", ["upload movie.mp4", "whoami", "videos --mine", f"retry {VIDEO}"])
def test_without_a_login(nowhere: User, movie: Path, line: str) -> None:
    ended = nowhere.wadi(*line.split())
    assert ended.code == Exit.NOT_LOGGED_IN
    assert "wadi login" in ended.err


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("missing.mp4", Exit.NOT_FOUND, "does not exist"),
        ("folder", Exit.USAGE, "is a directory"),
        ("empty.mp4", Exit.USAGE, "is empty"),
        ("pipe.mp4", Exit.USAGE, "is not a regular file"),
        ("latin-1 \udce9.mp4", Exit.NOT_FOUND, "does not exist"),
        ("movie.mp4/inside.mp4", Exit.USAGE, "Not a directory"),
    ],
)
def test_a_file_that_cannot_be_uploaded(user: User, movie: Path, name: str, code: Exit, words: str) -> None:
    (user.home / "folder").mkdir()
    (user.home / "empty.mp4").touch()
    os.mkfifo(user.home / "pipe.mp4")
    ended = user.wadi("upload", name, "--json")
    assert ended.code == code
    assert words in ended.err
    assert [(each["state"], each["file"]) for each in ended.objects] == [("failed", name.replace("\udce9", "?"))]
    assert words in ended.objects[0]["reason"]


def test_one_bad_file_does_not_keep_the_others_back(server: PartServer, user: User, movie: Path) -> None:
    ended = user.wadi("upload", "missing.mp4", "movie.mp4", "--json")
    assert ended.code == Exit.NOT_FOUND
    assert [each["state"] for each in ended.objects] == ["failed", "uploaded"]
    assert server.content("u1") == movie.read_bytes()


@pytest.mark.parametrize("name", [b"two\nlines \x1b[31m.mp4", b"latin-1 \xe9.mp4", "ünï 🎬 <b>.mp4".encode()])
def test_a_file_with_a_strange_name(server: PartServer, user: User, name: bytes) -> None:
    file = Path(os.fsdecode(bytes(user.home) + b"/" + name))
    file.write_bytes(b"x" * 1000)
    ended = user.wadi("upload", str(file))
    assert ended.code == Exit.OK, ended.err
    assert "\x1b" not in ended.out
    assert server.uploads["u1"]["name"].isprintable()
    assert server.uploads["u1"]["name"].endswith(".mp4")


def test_a_title_for_two_files(user: User, movie: Path) -> None:
    assert user.wadi("upload", "--title", "A", "movie.mp4", "movie.mp4").code == Exit.USAGE


def test_a_server_that_is_not_wadi(user: User) -> None:
    ended = user.wadi("search", "rain")  # the part server has no such page, and says so in its own way
    assert ended.code == Exit.NOT_FOUND
    assert "The server answered 404." in ended.err


@pytest.mark.parametrize("url", ["ftp://host", "http://", "://", "http://host:port", "host:99999", "[::1"])
def test_an_address_that_is_none(nowhere: User, url: str) -> None:
    assert nowhere.wadi("--server", url, "videos").code == Exit.USAGE


def test_damaged_credentials_are_named(nowhere: User) -> None:
    file = nowhere.home / "config/wadi/credentials.json"
    file.parent.mkdir(parents=True)
    file.write_text("{")
    ended = nowhere.wadi("whoami")
    assert ended.code == Exit.FAILED
    assert str(file) in ended.err
    assert "Traceback" not in ended.err


def test_asking_needs_a_terminal(nowhere: User) -> None:
    ended = nowhere.wadi("login", "a@example.org")
    assert ended.code == Exit.USAGE
    assert "--password-stdin" in ended.err


def on_a_screen(user: User, *arguments: str, **more: str) -> str:
    """What a terminal is sent."""
    ours, theirs = pty.openpty()
    user.extra |= {"TERM": "xterm-256color", **more}
    with user.start(*arguments, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        sent = b""
        while True:
            try:
                sent += os.read(ours, 65536)
            except OSError:  # EIO: the other end is closed
                break
        process.wait(60)
    os.close(ours)
    return sent.decode()


def test_a_screen_sees_the_upload_move(server: PartServer, user: User, movie: Path) -> None:
    sent = on_a_screen(user, "upload", str(movie))
    assert "\x1b[" in sent
    assert "100%" in sent
    assert "3.2 MB uploaded" in sent


def test_no_colour_where_none_is_wanted(server: PartServer, user: User, movie: Path) -> None:
    sent = on_a_screen(user, "upload", str(movie), NO_COLOR="1")
    colours = [code for code in re.findall(r"\x1b\[([0-9;]*)m", sent) if re.search(r"(^|;)(3|4|9)\d", code)]
    assert colours == []


def test_a_pipe_sees_no_escapes(server: PartServer, user: User, movie: Path) -> None:
    ended = user.wadi("upload", str(movie))
    assert ended.code == Exit.OK
    assert "\x1b" not in ended.out
    assert "video v-u1" in ended.out


def test_the_launcher_says_what_to_do_first(tmp_path: Path) -> None:
    launcher = tmp_path / "wadi"
    launcher.write_bytes((ROOT / "wadi").read_bytes())
    launcher.chmod(0o755)
    ended = subprocess.run([launcher, "videos"], capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "./task setup" in ended.stderr


def test_the_launcher_works_from_anywhere(tmp_path: Path) -> None:
    """Through a link, and beside a directory that is named like ours."""
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__main__.py").write_text("raise SystemExit(99)")
    link = tmp_path / "w"
    link.symlink_to(ROOT / "wadi")
    assert subprocess.run([link, "--help"], cwd=tmp_path, capture_output=True, timeout=20).returncode == 0
