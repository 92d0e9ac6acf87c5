"""Redis: the system's, else Debian's package, unpacked."""

import shutil
import socket
from pathlib import Path

from tools.backends import debian
from tools.backends.server import LOOPBACK, Program, Server, serve

NAME = "redis"


def install() -> Path | None:
    """The unpacked package; None where the system has a redis-server."""
    if shutil.which("redis-server"):
        return None
    return debian.tree(NAME, "redis-tools")


def start(folder: Path, host: str = LOOPBACK) -> Server:
    tree = install()
    # Debian's redis-server is a link to this program of redis-tools, which acts by the name that it is called by.
    command = "redis-server" if tree is None else str(tree / "usr" / "bin" / "redis-check-rdb")

    def program(home: Path, ports: list[int]) -> Program:
        (home / "data").mkdir(exist_ok=True)
        # It has no password: beyond loopback it serves whoever reaches the address, and would by itself serve nobody.
        guard = "yes" if host == LOOPBACK else "no"
        options = ["--bind", host, "--protected-mode", guard, "--port", str(ports[0]), "--dir", str(home / "data")]
        options += ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--databases", "64"]
        return Program(
            ["redis-server", *options] if tree is None else [str(_named(home, command)), *options],
            lambda: _ping(host, ports[0]),
            {"REDIS_URL": f"redis://{host}:{ports[0]}/0"},
            debian.libraries(tree) if tree else {},
        )

    return serve(NAME, folder, 1, program, host)


def _named(home: Path, program: str) -> Path:
    link = home / "redis-server"
    link.unlink(missing_ok=True)
    link.symlink_to(program)
    return link


def _ping(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=2) as connection:
        connection.sendall(b"PING\r\n")
        answer = connection.recv(64)
    if answer != b"+PONG\r\n":
        raise OSError(answer.decode(errors="replace"))
