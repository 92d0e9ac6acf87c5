"""Moving objects between nodes: `python -m tools.bench.rebalance [--segments 10000 --bytes 50000]`, JSON on stdout.

Five nodes with three replicas of every segment. A sixth comes: the bytes that were moved over the least that the ring
demands. Then one is lost: how long until every segment has three replicas again. Directories of one disk, a real
PostgreSQL, every copy verified and durable (fsync), no limit on the pace.
"""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NODES, REPLICAS = 5, 3


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--segments", type=int, default=10_000)
    arguments.add_argument("--bytes", type=int, default=50_000, help="size of a segment")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        result = run(Path(folder), given.segments, given.bytes)
    print(json.dumps(result, indent=2))
    if result["moved_to_least"] != 1.0 or result["short_of_replicas"]:
        sys.exit("more was moved than the ring demands, or replicas are missing")


def run(folder: Path, segments: int, size: int) -> dict[str, Any]:
    os.environ |= {
        "WADI_DATA": str(folder),
        "WADI_NODES": ":".join(str(folder / f"disk-{number}") for number in range(1, NODES + 1)),
        "JWT_SECRET": "bench " * 8,
        "REBALANCE_BYTES_PER_SECOND": "0",
        "NODE_LOST_AFTER_SECONDS": "0",
    }
    from local import postgres
    from shared.db.migrate import migrate

    server = postgres.start(folder / "postgres")
    try:
        os.environ["DATABASE_URL"] = server.url
        migrate(server.url)
        return measure(folder, segments, size)
    finally:
        server.stop()


def measure(folder: Path, segments: int, size: int) -> dict[str, Any]:
    from shared.db import transaction
    from shared.storage.nodes.admin import add
    from shared.storage.nodes.location import NodeLocation
    from shared.storage.nodes.nodes import load

    keys = fill(folder, segments, size)
    settle()  # finds everything in its place
    with transaction() as tx:
        before = load(tx)
    with transaction() as tx:
        add(tx, NodeLocation("directory", str(folder / "disk-new"), {}), 1.0, "")
        after = load(tx)
    least = sum(size * len(set(after.homes(key, REPLICAS)) - set(before.homes(key, REPLICAS))) for key in keys)
    joined = settle()

    shutil.rmtree(folder / "disk-1")
    lose("node-1")
    restored = settle()
    with transaction() as tx:
        short = tx.value(
            int,
            "select count(*) from object o where (select count(*) from replica r"
            " where r.object_key = o.key and node_id <> 'node-1') <> %s",
            (REPLICAS,),
        )
    return {
        "segments": segments,
        "segment_bytes": size,
        "moved_bytes": joined["copied_bytes"],
        "least_bytes": least,
        "moved_to_least": round(joined["copied_bytes"] / least, 6),
        "moving_seconds": joined["seconds"],
        "lost_replicas": restored["copied"],
        "restoring_seconds": restored["seconds"],
        "restored_per_second": round(restored["copied"] / restored["seconds"], 1),
        "restored_mib_per_second": round(restored["copied_bytes"] / 2**20 / restored["seconds"], 1),
        "short_of_replicas": short,
        "load": round(os.getloadavg()[0], 1),
    }


def fill(folder: Path, segments: int, size: int) -> list[str]:
    """Segments with all replicas where the ring says, written without ceremony: this is not what is measured."""
    from shared.db import transaction
    from shared.storage.nodes.nodes import load

    with transaction() as tx:
        nodes = load(tx)
    roots = {node.id: Path(node.location) / "objects" for node in nodes}
    keys, objects, replicas = [], [], []
    for key, data in made(segments, size):
        keys.append(key)
        objects.append((key, f"v{len(keys) % 100}", size, hashlib.sha256(data).hexdigest()))
        for home in nodes.homes(key, REPLICAS):
            path = roots[home] / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            replicas.append((key, home))
    with transaction() as tx:
        tx.execute_many("insert into object (key, video_id, size, sha256) values %s", objects)
        tx.execute_many("insert into replica (object_key, node_id) values %s", replicas)
    return keys


def made(segments: int, size: int) -> Iterator[tuple[str, bytes]]:
    for number in range(segments):
        yield f"videos/v{number % 100}/720p/{number}-0123abcd.m4s", hashlib.shake_256(b"%d" % number).digest(size)


def lose(node_id: str) -> None:
    """As check_nodes does when a node was silent for long enough."""
    from shared.db import transaction

    with transaction() as tx:
        tx.execute("update node set suspect_since = now(), lost_at = now() where id = %s", (node_id,))


def settle() -> dict[str, Any]:
    from shared.db import transaction
    from shared.storage.jobs.rebalance import rebalance

    began = time.perf_counter()
    while not rebalance(transaction, 60):
        pass
    seconds = time.perf_counter() - began
    with transaction() as tx:
        row = tx.one(dict[str, int], "select copied, copied_bytes, dropped, waiting from rebalance")
    assert row is not None
    return {**row, "seconds": round(seconds, 2)}


if __name__ == "__main__":
    main()
