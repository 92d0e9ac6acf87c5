"""The embedded PostgreSQL: one server under `$WADI_DATA/postgres`, for one machine that has none set by DATABASE_URL.

    $WADI_DATA/postgres/data       the cluster; it is made beside as `data.new` and renamed, so it is whole or absent
                       /password   of the role `wadi`, 0600
                       /port       on 127.0.0.1, kept from start to start so that a URL stays good
    $WADI_DATA/logs/postgres.log

A server outlives the process that started it: `start` finds one that still runs, and `Server.stop` stops either.
"""

import fcntl
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from local.postgres.binaries import OLDEST, Binaries, find_all
from local.postgres.user import LocalError, run_as

LOOPBACK = "127.0.0.1"
SETTINGS = {
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes; a data directory's is not
    "max_connections": "300",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",  # compiling costs more than any of our queries
    "max_parallel_workers_per_gather": "0",  # its shared memory does not fit into the 64 MB of a container's /dev/shm
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
START_SECONDS = 60.0
RECOVER_SECONDS = 600.0  # after a crash the log is replayed first; as long as the server lives it is worth the wait
STOP_SECONDS = 60.0
LOG_LIMIT = 16 * 2**20

_children: dict[int, "subprocess.Popen[bytes]"] = {}  # kept, since a server outlives the Server that names it


@dataclass
class Server:
    """A running server."""

    url: str
    pid: int

    @property
    def host(self) -> str:
        return str(urlsplit(self.url).hostname)

    def alive(self) -> bool:
        child = _children.get(self.pid)
        return _alive(self.pid) if child is None else child.poll() is None

    def stop(self) -> None:
        """Stops it, open transactions rolled back and everything written; at once where that takes too long."""
        for how, patience in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 15.0), (signal.SIGKILL, 5.0)):
            try:
                os.kill(self.pid, how)
            except ProcessLookupError:
                return
            except PermissionError:
                raise LocalError(
                    f"PostgreSQL (process {self.pid}) was started by another user; stop it as that one."
                ) from None
            if _within(patience, lambda: not self.alive()):
                return
        raise LocalError(f"PostgreSQL (process {self.pid}) does not stop.")


def start(data_dir: Path, *, durable: bool = True, host: str = LOOPBACK) -> Server:
    """The server under `data_dir`/postgres ($WADI_DATA is the `data_dir`), installed, recovered or found running.

    `durable=False` is for tests: faster, and a power cut may lose everything. `host` is the address that it listens on:
    whoever reaches that needs the password. Raises LocalError with one clear line.
    """
    home, log = data_dir.absolute() / "postgres", data_dir.absolute() / "logs" / "postgres.log"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        log.parent.mkdir(exist_ok=True)
        with _locked(home):
            server = running(data_dir) or _start(home, log, durable, host)
            _make_database(server.url)
            return server
    except OSError as error:
        raise LocalError(f"The database cannot use {error.filename or home}: {error.strerror}.") from error


def running(data_dir: Path) -> Server | None:
    """The server under `data_dir`/postgres when one runs, whoever started it; waits for one that is just starting."""
    home = data_dir.absolute() / "postgres"
    try:
        lines = (home / "data" / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not _is_ours(pid, home):
        return None
    server = Server(_url(home, port, _host(pid)), pid)
    _wait_ready(server)
    return server if server.alive() else None


def _start(home: Path, log: Path, durable: bool, host: str) -> Server:
    binaries = _choose(home)
    prefix = run_as(home, binaries.folder)
    if not (home / "data").exists():
        _install(home, binaries, prefix, durable)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".log.1"))
    deadline = time.monotonic() + 30
    while True:
        _drop_stale_pid(home)
        port = _port(home, host)
        options = SETTINGS | ({} if durable else FOR_TESTS) | {"listen_addresses": host, "port": str(port)}
        if host != LOOPBACK:
            options["hba_file"] = str(_let_in(home))
        command = [*prefix, binaries.postgres, "-D", str(home / "data")]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with log.open("ab") as output:
            began = output.tell()
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                                       env=_environment(), start_new_session=True)  # fmt: skip
        _children[process.pid] = process
        server = Server(_url(home, port, host), process.pid)
        _wait_ready(server)
        if server.alive():
            return server
        reason = _reason(log.read_bytes()[began:].decode(errors="replace"))
        # These pass by themselves: a program took the port meanwhile; a killed server or its workers are still ending.
        passing = any(why in reason for why in ("Address already in use", "still in use", "already exists"))
        if not passing or time.monotonic() > deadline:
            raise LocalError(f"The database did not start: {reason} (log: {log})")
        time.sleep(0.2)


def _choose(home: Path) -> Binaries:
    """The programs for this cluster: any when it is new, else those of the version that made it."""
    found = find_all()
    try:
        made_by = int((home / "data" / "PG_VERSION").read_text())
    except FileNotFoundError:
        if not found:
            raise LocalError(f"No PostgreSQL {OLDEST} or newer was found: install one, or set DATABASE_URL.") from None
        return found[0]
    for binaries in found:
        if binaries.major == made_by:
            return binaries
    others = ", ".join(str(binaries.major) for binaries in found) or "none"
    raise LocalError(
        f"The database in {home} was made by PostgreSQL {made_by}, which is not found here (found: {others}): "
        f"install PostgreSQL {made_by}, or move it over with pg_dump (docs/operations.md)."
    )


def _install(home: Path, binaries: Binaries, prefix: list[str], durable: bool) -> None:
    """Makes the cluster, whole or not at all: what an interrupted install left behind is thrown away."""
    new, password = home / "data.new", home / "password"
    shutil.rmtree(new, ignore_errors=True)
    password.unlink(missing_ok=True)
    password.touch(mode=0o600, exist_ok=False)
    password.write_text(secrets.token_hex(24))
    _sync(password)
    os.chown(password, home.stat().st_uid, -1)
    command = [*prefix, binaries.initdb, "-D", str(new), "-U", "wadi", "-E", "UTF8", "--locale=C.UTF-8"]
    command += ["--auth=scram-sha-256", f"--pwfile={password}", *([] if durable else ["--no-sync"])]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=_environment())
    if made.returncode != 0:
        shutil.rmtree(new, ignore_errors=True)
        raise LocalError(f"The database could not be made in {home}: {_reason(made.stderr)}")
    new.rename(home / "data")
    _sync(home)


def _make_database(url: str) -> None:
    """Makes the database `wadi` beside `postgres`, once."""
    with closing(psycopg2.connect(url.removesuffix("/wadi") + "/postgres", connect_timeout=10)) as db:
        db.autocommit = True
        with db.cursor() as cursor:
            cursor.execute("select 1 from pg_database where datname = 'wadi'")
            if cursor.fetchone() is None:
                cursor.execute("create database wadi")


def _wait_ready(server: Server) -> None:
    """Waits until the server answers a query, or is no more. Raises LocalError when it does neither."""
    url, refused = server.url.removesuffix("/wadi") + "/postgres", ""

    def answers() -> bool:
        nonlocal refused
        if not server.alive():
            return True
        try:
            psycopg2.connect(url, connect_timeout=5).close()
        except psycopg2.OperationalError as error:
            refused = " ".join(str(error).split())
            if "password authentication failed" in refused:
                raise LocalError(
                    f"The database refuses the password in $WADI_DATA/postgres/password: {refused}"
                ) from error
            return False
        return True

    if not _within(START_SECONDS, answers):
        recovering = "starting up" in refused or "recovery" in refused
        if not recovering or not _within(RECOVER_SECONDS, answers):
            raise LocalError(f"The database (process {server.pid}) does not answer: {refused}")


def _drop_stale_pid(home: Path) -> None:
    """Removes the lock file of a server that is gone when its number is still or again in use.

    PostgreSQL itself trusts the number alone and would refuse to start: a killed server may wait to be collected by its
    parent, and after a container's restart the same numbers come again. It also guards the cluster by its shared
    memory: the dead server's workers must let go of that first.
    """
    lock = home / "data" / "postmaster.pid"
    try:
        lines = lock.read_text().splitlines()
        pid = int(lines[0])
    except FileNotFoundError:
        return
    except (IndexError, ValueError):
        lock.unlink()  # a crash in the middle of writing it
        return
    if Path(f"/proc/{pid}").exists() and not _is_ours(pid, home):
        memory = lines[6].split()[-1] if len(lines) > 6 and lines[6].strip() else ""
        if not _within(30, lambda: not _attached(memory)):
            raise LocalError(f"Workers of a killed database in {home} do not end.")
        lock.unlink()


def _attached(memory: str) -> bool:
    """Whether any process still uses the System V shared memory with this id."""
    try:
        rows = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    except OSError:
        return False
    return any(row[1] == memory and int(row[6]) > 0 for row in rows)


def _is_ours(pid: int, home: Path) -> bool:
    """Whether the process is the server of this cluster: its command names the directory."""
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return _alive(pid) and os.fsencode(home / "data") in arguments


def _host(pid: int) -> str:
    """What address a server listens on: its command says it, from its first moment on."""
    told = b"listen_addresses="
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    return next((one.removeprefix(told).decode() for one in arguments if one.startswith(told)), LOOPBACK)


def _alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and was not yet collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _let_in(home: Path) -> Path:
    """Who may log in where others than this machine reach the server: everybody with the password."""
    rules = home / "pg_hba.conf"
    rules.write_text("host all all all scram-sha-256\n")
    rules.chmod(0o644)
    return rules


def _port(home: Path, host: str) -> int:
    """The port of last time when it is free, else a free one, kept for next time."""
    kept = home / "port"
    port = int(kept.read_text()) if kept.exists() and kept.read_text().isdigit() else 0
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, wanted))
            except OSError:
                continue
            port = int(probe.getsockname()[1])
            break
    kept.write_text(str(port))
    return port


def _url(home: Path, port: int, host: str) -> str:
    try:
        password = (home / "password").read_text()
    except FileNotFoundError:
        raise LocalError(f"{home / 'password'} is missing: without it the database cannot be used.") from None
    return f"postgresql://wadi:{password}@{host}:{port}/wadi"


def _environment() -> dict[str, str]:
    """Only what the server needs: our secrets and the user's PG* variables are none of its business."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _reason(output: str) -> str:
    """The line of PostgreSQL's output that says what is wrong."""
    said = re.findall(r"(?:FATAL|PANIC|error|ERROR): +(.+)|LOG: +(could not bind .+)", output)
    lines = [error or bind for error, bind in said] or [line for line in output.splitlines() if line.strip()][-1:]
    binding = [line for line in lines if "could not bind" in line]
    reason = (binding or lines or ["it ended without a word"])[0].strip()
    return f"{reason} (the disk is full)" if "Check free disk space" in output else reason


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One at a time: a second runner waits here, then finds the server running."""
    with (home / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
