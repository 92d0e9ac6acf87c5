"""A server's process: started in a session of its own, found again by who looks later, killed, started again.

FOLDER/NAME/state.json   pid, when that process began, the ports, what to export; the ports stay from start to start
           /data         the server's
           /log
"""

import fcntl
import importlib
import json
import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.backends.cache import BackendError

STOP_SECONDS = 20.0
LOG_LIMIT = 16 * 2**20
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Program:
    """How to run a server and to know that it works."""

    command: list[str]
    answers: Callable[[], object]  # asks it something real; any exception means "not yet"
    exports: dict[str, str]  # the first one is its address
    environment: dict[str, str] = field(default_factory=dict)
    patience: float = 60.0


@dataclass
class Server:
    """A running server, whoever started it."""

    name: str
    folder: Path
    pid: int
    exports: dict[str, str]
    host: str = LOOPBACK

    @property
    def address(self) -> str:
        return next(iter(self.exports.values()))

    def alive(self) -> bool:
        return began(self.pid) is not None

    def stop(self) -> None:
        """Ends it in its own way; at once where that takes too long."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if not self._ended():
            self.kill()

    def kill(self) -> None:
        """SIGKILL to all of its session; returns when it is gone."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.wait_gone()

    def wait_gone(self) -> None:
        if not self._ended():
            raise BackendError(f"{self.name} (process {self.pid}) does not end.")

    def _ended(self) -> bool:
        deadline = time.monotonic() + STOP_SECONDS
        while self.alive():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def restart(self) -> None:
        """Starts it again on the same address with the same data; one that runs is left as it is."""
        module = importlib.import_module(f"tools.backends.{self.name}")
        self.pid = module.start(self.folder.parent, self.host).pid


_children: dict[int, "subprocess.Popen[bytes]"] = {}  # kept, to be collected when they end


def serve(
    name: str, folder: Path, ports: int, program: Callable[[Path, list[int]], Program], host: str = LOOPBACK
) -> Server:
    """The server in `folder`/`name`, found running or started. `program` gets its folder and that many ports, which
    are free on `host`: what it says there it listens on. Raises BackendError, also when it runs on another address."""
    home = (folder / name).absolute()
    home.mkdir(parents=True, exist_ok=True)
    with _locked(home):
        state = _state(home)
        found = running(name, folder)
        if found is not None:
            check_host(found, host)
            _wait(name, home, found.pid, program(home, state["ports"]))
            return found
        kept = state.get("ports", [])
        numbers = kept if kept and all(_free(port, host) for port in kept) else free_ports(ports, host)
        chosen = program(home, numbers)
        pid = _spawn(home, chosen)
        state = {"pid": pid, "began": began(pid), "ports": numbers, "exports": chosen.exports, "host": host}
        (home / "state.json.new").write_text(json.dumps(state))
        (home / "state.json.new").rename(home / "state.json")
        _wait(name, home, pid, chosen)
        return Server(name, home, pid, chosen.exports, host)


def check_host(found: Server, host: str) -> None:
    if found.host != host:
        raise BackendError(f"{found.name} runs already, on {found.host} and not on {host}: stop it first.")


def running(name: str, folder: Path) -> Server | None:
    """The server in `folder`/`name`, or None when it does not run."""
    home = (folder / name).absolute()
    state = _state(home)
    pid = state.get("pid")
    if pid is None or began(pid) is None or began(pid) != state["began"]:
        return None
    return Server(name, home, pid, state["exports"], state.get("host", LOOPBACK))


def began(pid: int) -> int | None:
    """When the process started, in ticks since boot: with the pid, what names it. None when it has ended.

    A process that waits to be collected has ended, unless it has threads that are still ending: they hold its ports.
    """
    if pid in _children:
        _children[pid].poll()
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ended = fields[0] in "ZX" and len(list(Path(f"/proc/{pid}/task").iterdir())) < 2
    except OSError:
        return None
    return None if ended else int(fields[19])


def free_ports(count: int, host: str = LOOPBACK) -> list[int]:
    """Distinct ports that are free on the address, and on the loopback interface.

    They are below those that outgoing connections get: one of these could take the port of a server that is just being
    restarted, and a client that tries to reach that server could even be connected to itself.
    """
    found: set[int] = set()
    while len(found) < count:
        port = 20_000 + secrets.randbelow(12_000)
        if _free(port, host):
            found.add(port)
    return list(found)


def _free(port: int, host: str) -> bool:
    try:
        for address in {LOOPBACK, host}:
            socket.create_server((address, port)).close()
    except OSError:
        return False
    return True


def _spawn(home: Path, program: Program) -> int:
    log = home / "log"
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".1"))
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC", "HOME": str(home)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            program.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=home,
            env=environment | program.environment, start_new_session=True,
        )  # fmt: skip
    _children[process.pid] = process
    return process.pid


def _wait(name: str, home: Path, pid: int, program: Program) -> None:
    deadline, why = time.monotonic() + program.patience, ""
    while True:
        try:
            program.answers()
            return
        except Exception as error:
            why = " ".join(str(error).split()) or type(error).__name__
        if began(pid) is None:
            raise BackendError(f"{name} did not start: {_last_word(home / 'log')} (log: {home / 'log'})")
        if time.monotonic() > deadline:
            raise BackendError(f"{name} (process {pid}) does not answer: {why[:200]} (log: {home / 'log'})")
        time.sleep(0.05)


def _last_word(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()[-40:] if line.strip()]
    telling = [line for line in lines if any(word in line.lower() for word in ("error", "fatal", "exception"))]
    return (telling or lines or ["it ended without a word"])[-1][:300]


def _state(home: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((home / "state.json").read_text()))
    except (OSError, ValueError):
        return {}


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """One at a time: a second caller waits here, then finds the server running."""
    with (home / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
