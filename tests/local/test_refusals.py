"""What is in the way of a start: one clear line that says what to do, exit code 1, never a traceback."""

import socket
from pathlib import Path

import pytest

from local.home import Home
from local.postgres import LocalError
from tests.buckets import buckets
from tests.conftest import Database
from tests.local.box import Box
from tests.local.conftest import MakeBox
from tests.local.yaml_files import service
from tests.real import s3_settings


def refusal(box: Box, *arguments: str, **settings: str) -> str:
    """The one line of a start that fails."""
    ended = box.run("up", *arguments, "--root", str(box.root), "--module", "tests.local.served", **settings)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    assert ended.stdout == ""
    return lines[0]


@pytest.mark.parametrize("daemon", [(), ("--daemon",)])
def test_a_taken_port(make_box: MakeBox, daemon: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = refusal(make_box([service("f")]), *daemon, WADI_PORT=str(port))
    assert line == f"Port {port} is taken by another program: set WADI_PORT to a free one."


@pytest.mark.parametrize("daemon", [(), ("--daemon",)])
def test_a_second_runner_on_one_data_directory(make_box: MakeBox, daemon: tuple[str, ...]) -> None:
    box = make_box([service("f")]).up()
    assert box.process
    line = refusal(box, *daemon)
    assert line.startswith(
        f"Wadi runs already at http://localhost:{box.url.rpartition(':')[2]} (process {box.process.pid})"
    )
    assert "WADI_DATA" in line


def test_a_data_directory_that_cannot_be_written(make_box: MakeBox, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = refusal(make_box([service("f")]), WADI_DATA=str(tmp_path / "file" / "data"))
    assert line == (f"{tmp_path}/file/data cannot be written (Not a directory): set WADI_DATA to a directory that can.")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.home.LEAST_FREE", 2**62)
    with pytest.raises(LocalError, match=r"The disk of .* is full .*: make room, or set WADI_DATA to another disk\."):
        Home(tmp_path).prepare()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"REDIS_URL": "nonsense"}, "REDIS_URL is not of the form redis://user:password@host:port/0."),
        (
            {"K_SINK": "http://broker/wadi/default"},
            "K_SINK is set: this runner brings events to its functions itself. Unset K_SINK.",
        ),
        ({"WADI_PORT": "http"}, "WADI_PORT='http' is not a whole number."),
        ({"WADI_PORT": "70000"}, "WADI_PORT=70000 is too large: it must be at most 65535."),
        (
            {"WADI_HOST": "192.0.2.1"},
            "WADI_HOST=192.0.2.1 is no address of this machine (Cannot assign requested address).",
        ),
        ({"WADI_IDLE_SECONDS": "-1"}, "WADI_IDLE_SECONDS='-1' is not a number of seconds greater than 0."),
        ({"WADI_IDLE_SECONDS": "nan"}, "WADI_IDLE_SECONDS='nan' is not a number of seconds greater than 0."),
        ({"WADI_MAX_INSTANCES": "0"}, "WADI_MAX_INSTANCES: '0' is not a number of at least 1, or <service>=<number>."),
        (
            {"WADI_FFMPEG": "/bin/true"},
            "WADI_FFMPEG names /bin/true, which has no `ffmpeg -version` that names its libraries: videos that are "
            "recognized would not be decoded; name a newer ffmpeg, or unset WADI_FFMPEG for the one that comes with "
            "Wadi.",
        ),
        (
            {"LADDER": "1080p,360"},
            "LADDER='1080p,360': '360' is none of 2160p, 1440p, 1080p, 720p, 480p and 360p.",
        ),
        ({"WADI_CHAOS": "order=1"}, "WADI_CHAOS: 'order' is not one of delay, duplicate, reorder, seed."),
        ({"WADI_CHAOS": "delay=2"}, "WADI_CHAOS: delay=2 is not between 0 and 1."),
    ],
)
def test_a_setting_that_cannot_be_used(make_box: MakeBox, settings: dict[str, str], line: str) -> None:
    assert refusal(make_box([service("f")]), **settings) == line


def test_a_database_that_does_not_answer(make_box: MakeBox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    line = refusal(make_box([service("f")]), DATABASE_URL=f"postgresql://wadi@127.0.0.1:{port}/wadi")
    assert line.startswith(f"DATABASE_URL: no connection to 127.0.0.1:{port}: ")


def test_a_manifest_that_cannot_be_run(make_box: MakeBox) -> None:
    line = refusal(make_box([service("f", target="")]))
    assert line == (
        "knative/domain/all.yaml: Service f: env FUNCTION_TARGET is missing: it names the function to serve"
    )


def test_a_log_that_is_not_there(make_box: MakeBox) -> None:
    box = make_box([service("f")]).up()
    ended = box.run("logs", "nobody")
    assert ended.returncode == 1
    assert ended.stderr.startswith("There is no log of 'nobody' (there are: ")


def test_backends_that_are_away_are_named_and_gone_on_without(make_box: MakeBox) -> None:
    box = make_box([service("f")])
    nobody = "127.0.0.1:9"
    started = box.run(
        *("up", "--daemon", "--root", str(box.root), "--module", "tests.local.served"),
        **{"OPENSEARCH_URL": f"http://{nobody}", "REDIS_URL": f"redis://{nobody}/0", "ETCD_ENDPOINTS": nobody},
    )
    try:
        assert started.returncode == 0, started.stderr
        assert started.stdout.startswith("http://"), "the URL alone"
        lines = started.stderr.splitlines()
        assert all(nobody in line for line in lines)
        assert {line.split(": ")[1] for line in lines} == {"OPENSEARCH_URL", "REDIS_URL", "ETCD_ENDPOINTS"}
    finally:
        assert box.run("down").returncode == 0


def test_a_disk_that_is_not_mounted_is_named(make_box: MakeBox) -> None:
    box = make_box([service("f")])
    assert named(box, str(box.data)) == []
    (disk,) = box.data.rglob("node-2")
    away = disk.rename(disk.with_name("elsewhere"))
    (line,) = named(box, str(box.data))
    assert line.startswith("going on without it: node node-")
    assert line.endswith("objects/node-2 is not there, or is no node: is its disk mounted?")
    away.rename(disk)
    assert named(box, str(box.data)) == []


def test_buckets_whose_credentials_changed_are_named(make_box: MakeBox, database: Database) -> None:
    box = make_box([service("f")])
    with buckets("refused", 2) as names:
        settings = s3_settings() | {"AWS_S3_BUCKET": ",".join(names)}
        assert named(box, "refused-", **settings) == []
        lines = named(box, "refused-", **settings | {"AWS_SECRET_ACCESS_KEY": "wrong"})
        assert len(lines) == 2
        assert all(name in " ".join(lines) for name in names)
        database.all("update node set state = 'removed' where location like 's3://refused-%'")


def named(box: Box, what: str, **settings: str) -> list[str]:
    """The lines about it of a start that nevertheless succeeds."""
    started = box.run(*("up", "--daemon", "--root", str(box.root), "--module", "tests.local.served"), **settings)
    assert started.returncode == 0, started.stderr
    assert box.run("down", **settings).returncode == 0
    return [line for line in started.stderr.splitlines() if what in line]
