"""Logins, one a server, in a file that only its owner can read.

A refresh token works once, and using it twice ends the login. So whoever renews holds the lock, and first looks
whether another `wadi` has just renewed.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from cli.errors import CliError
from cli.model import Tokens, User

# A token that lives for less than this is renewed before it is used.
MARGIN_SECONDS = 60


class Login(msgspec.Struct):
    access_token: str
    refresh_token: str
    expires_at: float
    user: User

    @classmethod
    def of(cls, tokens: Tokens) -> "Login":
        return cls(tokens.access_token, tokens.refresh_token, time.time() + tokens.expires_in, tokens.user)

    @property
    def is_fresh(self) -> bool:
        return self.expires_at - time.time() > MARGIN_SECONDS


class Credentials:
    def __init__(self, file: Path) -> None:
        self._file = file

    def get(self, server: str) -> Login | None:
        return self._read().get(server)

    def put(self, server: str, login: Login) -> None:
        with self.lock():
            self.put_locked(server, login)

    def remove(self, server: str) -> Login | None:
        with self.lock():
            logins = self._read()
            login = logins.pop(server, None)
            if login:
                self._write(logins)
            return login

    def put_locked(self, server: str, login: Login) -> None:
        """`put` for one who holds the lock already."""
        self._write(self._read() | {server: login})

    @contextmanager
    def lock(self) -> Iterator[None]:
        self._make_directory()
        with self._file.with_suffix(".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, Login]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Login])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as error:
            raise CliError(f"{self._file} is damaged: {error}.", hint="Remove it and log in again.") from None
        except OSError as error:
            raise CliError(f"{self._file} cannot be read: {error.strerror}.") from None

    def _write(self, logins: dict[str, Login]) -> None:
        write_private(self._file, msgspec.json.format(msgspec.json.encode(logins)))

    def _make_directory(self) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise CliError(f"{self._file.parent} cannot be made: {error.strerror}.") from None


def write_private(file: Path, content: bytes) -> None:
    """Replaces the file in one step; only its owner can read it, from its first byte on."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise CliError(f"{file} cannot be written: {error.strerror}.") from None
