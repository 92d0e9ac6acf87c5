"""`./task backends`: the real servers of this machine, started, found or repaired, until `./task backends:down`.

They listen on loopback. `--host` takes another address of this machine, and what is printed to reach them by names it.
Beyond loopback it must be one that only the cluster's own network reaches (its end of the veth,
tools/cluster/network.py): Redis, etcd, Kafka, OpenSearch and s3mock have no password, and the S3 server one that
everybody knows.
"""

import argparse
import ipaddress
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote
from types import ModuleType

from tools.backends import etcd, kafka, opensearch, postgres, redis, s3, s3mock, server
from tools.backends.cache import BackendError
from tools.backends.server import LOOPBACK, Server

MODULES: dict[str, ModuleType] = {
    module.NAME: module for module in (postgres, redis, s3, etcd, kafka, opensearch, s3mock)
}
FOLDER = Path(__file__).resolve().parents[2] / ".backends"
# What builds and what downloads does so one after another: two builds at once take as long, and twice the memory.
LANES = {"s3": threading.Lock(), "kafka": threading.Lock()}
LANE_OF = {"s3": "s3", "etcd": "s3", "kafka": "kafka", "opensearch": "kafka", "s3mock": "kafka"}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tools.backends", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--only", default="", metavar="NAME,…", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="of the servers' data; default: .backends")
    parser.add_argument("--host", type=_address, default=LOOPBACK, metavar="ADDRESS", help="default: 127.0.0.1")
    chosen = parser.parse_args()
    names = [name for name in chosen.only.split(",") if name] or list(MODULES)
    if unknown := set(names) - MODULES.keys():
        parser.error(f"no server has the name {', '.join(sorted(unknown))}; there are: {', '.join(MODULES)}")
    try:
        chosen.folder.mkdir(parents=True, exist_ok=True)
        return up(chosen.folder, names, chosen.host) if chosen.command == "up" else down(chosen.folder, names)
    except BackendError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{error.filename or chosen.folder}: {error.strerror}.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what has started runs on, ./task backends goes on from there.", file=sys.stderr)
        return 130


def _address(text: str) -> str:
    """One address of this machine; never all of them at once."""
    if ipaddress.IPv4Address(text).is_unspecified:
        raise ValueError("the servers have no passwords")
    return text


def up(folder: Path, names: list[str], host: str = LOOPBACK) -> int:
    """Starts what does not run, all at once. What cannot be had is named; the rest starts nevertheless."""
    failed = 0
    with ThreadPoolExecutor(len(names)) as workers:
        for name, started in [(name, workers.submit(_start, name, folder, host)) for name in names]:
            try:
                started.result()
            except BackendError as error:
                failed += 1
                print(error, file=sys.stderr)
            except OSError as error:
                failed += 1
                print(f"{name}: {error}", file=sys.stderr)
    for key, value in exports(folder).items():
        print(f"export {key}={quote(value)}")
    return 1 if failed else 0


def down(folder: Path, names: list[str]) -> int:
    with ThreadPoolExecutor(len(names)) as workers:
        list(workers.map(Server.stop, [found for name in names if (found := running(name, folder))]))
    _write(folder)
    return 0


def running(name: str, folder: Path) -> Server | None:
    return postgres.running(folder) if name == postgres.NAME else server.running(name, folder)


def exports(folder: Path) -> dict[str, str]:
    """What the servers that run are reached by."""
    found = [one for name in MODULES if (one := running(name, folder))]
    return {key: value for one in found for key, value in one.exports.items()}


_writing = threading.Lock()


def _start(name: str, folder: Path, host: str) -> None:
    began, module, before = time.monotonic(), MODULES[name], running(name, folder)
    with LANES.get(LANE_OF.get(name, ""), threading.Lock()):
        module.install()
    installed = time.monotonic()
    started: Server = module.start(folder, host)
    _write(folder)
    if before is None:
        took = f"{installed - began:.1f} s to install, {time.monotonic() - installed:.1f} s to start"
        print(f"{name} (process {started.pid}): {took}", file=sys.stderr)


def _write(folder: Path) -> None:
    """`env`, of what runs now: where the tests look."""
    with _writing:
        new = folder / f"env.{os.getpid()}"
        new.write_text("".join(f"{key}={value}\n" for key, value in exports(folder).items()))
        new.replace(folder / "env")


if __name__ == "__main__":
    sys.exit(main())
