"""$WADI_DATA: where everything of the single box lies, and who holds it.

run/lock        held by the runner for as long as it lives; its pid is in it
run/state.json  pid and address of the gateway
run/instances/  a file for each function's process
logs/           runner.log, postgres.log, <service>.log
secret          what keys are derived from, unless JWT_SECRET is set
"""

import errno
import fcntl
import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from local.layout import ROOT
from local.postgres import LocalError
from shared.config import setting

LOG_LIMIT = 10 * 2**20
LEAST_FREE = 100 * 2**20


def data_directory() -> Path:
    """$WADI_DATA as an absolute path; unset, .data beside the code, wherever the command is given."""
    return Path(os.environ["WADI_DATA"]).absolute() if os.environ.get("WADI_DATA") else ROOT / ".data"


class Home:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.run = data / "run"
        self.logs = data / "logs"
        self._lock: int | None = None

    def prepare(self) -> None:
        """Makes the directories and proves that they can be written. Raises LocalError."""
        try:
            for folder in (self.data, self.run, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.run / "probe"
            probe.write_text("x" * 4096)
            probe.unlink()
        except OSError as error:
            raise self.refused(error) from error
        free = shutil.disk_usage(self.data).free
        if free < LEAST_FREE:
            left = f"{free // 2**20} MiB free"
            raise LocalError(f"The disk of {self.data} is full ({left}): make room, or set WADI_DATA to another disk.")

    def refused(self, error: OSError) -> LocalError:
        if error.errno == errno.ENOSPC:
            return LocalError(f"The disk of {self.data} is full: make room, or set WADI_DATA to another disk.")
        return LocalError(f"{self.data} cannot be written ({error.strerror}): set WADI_DATA to a directory that can.")

    def lock(self) -> None:
        """Makes this process the only runner of this directory. Raises LocalError."""
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            where = f" at {self.state()['url']}" if self.state() else ""
            raise LocalError(
                f"Wadi runs already{where} (process {self.holder()}) with its data in {self.data}:"
                " stop it, or set WADI_DATA to another directory."
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def holder(self) -> int:
        """The pid of the runner that holds the lock; 0 when there is none."""
        try:
            descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return 0
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 20, 0)
            return int(text) if text.isdigit() else -1
        finally:
            os.close(descriptor)
        return 0

    def state(self) -> dict[str, Any]:
        """What the runner wrote about itself; empty when none runs."""
        try:
            state = json.loads((self.run / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return dict(state) if state.get("pid") == self.holder() else {}

    def write_state(self, state: dict[str, Any]) -> None:
        new = self.run / "state.json.new"
        new.write_text(json.dumps(state | {"pid": os.getpid()}))
        new.replace(self.run / "state.json")

    def rotate(self, log: str) -> Path:
        """Puts the log aside when it has grown large; the file to append to."""
        file = self.logs / f"{log}.log"
        if file.exists() and file.stat().st_size > LOG_LIMIT:
            file.replace(file.with_suffix(".log.1"))
        return file

    def secret(self) -> str:
        """JWT_SECRET, or one that is made at the first start and kept."""
        if setting("JWT_SECRET"):
            return setting("JWT_SECRET")
        file = self.data / "secret"
        if not file.exists():
            new = self.data / "secret.new"
            new.unlink(missing_ok=True)
            new.touch(mode=0o600)
            with new.open("w") as out:
                out.write(secrets.token_urlsafe(48))
                out.flush()
                os.fsync(out.fileno())
            new.rename(file)
        return file.read_text()
