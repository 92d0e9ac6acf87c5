"""etcd, built from its module."""

import hashlib
from pathlib import Path

import httpx

from tools.backends import golang
from tools.backends.cache import kept
from tools.backends.server import LOOPBACK, Program, Server, serve

NAME = "etcd"
SOURCE = Path(__file__).parent / "go" / "etcd"
VERSION = "3.6.16"


def install() -> Path:
    pinned = hashlib.sha256((SOURCE / "go.sum").read_bytes() + (SOURCE / "main.go").read_bytes()).hexdigest()[:8]
    return kept(f"etcd-{VERSION}-{pinned}", lambda folder: golang.build(NAME, SOURCE, folder)) / "etcd"


def start(folder: Path, host: str = LOOPBACK) -> Server:
    binary = install()

    def program(home: Path, ports: list[int]) -> Program:
        client, peer = f"http://{host}:{ports[0]}", f"http://{LOOPBACK}:{ports[1]}"
        options = {
            "name": "wadi",
            "data-dir": str(home / "data"),
            "listen-client-urls": client,
            "advertise-client-urls": client,
            "listen-peer-urls": peer,
            "initial-advertise-peer-urls": peer,
            "initial-cluster": f"wadi={peer}",
            "log-level": "warn",
        }
        command = [str(binary), *(f"--{name}={value}" for name, value in options.items())]
        return Program(command, lambda: _status(client), {"ETCD_ENDPOINTS": client.removeprefix("http://")})

    return serve(NAME, folder, 2, program, host)


def _status(url: str) -> None:
    httpx.post(f"{url}/v3/maintenance/status", json={}, timeout=5).raise_for_status()
