"""What freezing saves, in real files on six nodes: stored bytes frozen against three replicas, a mix of hot and cold,
and what decoding costs.

    python -m tools.bench.cold [--videos N] [--json FILE]
"""

import argparse
import hashlib
import json
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from local import postgres
from shared.db import transaction
from shared.db.migrate import migrate
from shared.ids import new_id
from shared.storage import record, replicate, store_file
from shared.storage.erasure.freeze import freeze
from shared.storage.erasure.read import FrozenObject, find_frozen, read_frozen
from shared.storage.erasure.thaw import thaw
from shared.storage.nodes.location import local_stores
from shared.storage.nodes.nodes import load

NODES = 6
SEGMENTS, SEGMENT = 12, 1_500_000  # as of 2 minutes of one rung at 1.2 Mbit/s; sizes vary by a third
HOT_SHARE = 0.2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--videos", type=int, default=10)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    with _platform() as root:
        result = measure(root, args.videos)
    for name, value in result.items():
        print(f"{name:40} {value}")
    if args.json:
        args.json.write_text(json.dumps(result, indent=2))
    assert result["frozen / 3 replicas"] <= 0.50 + 0.0005, result
    assert result["saved with 20/80 hot/cold"] >= 0.40 - 0.0005, result


def measure(root: Path, videos: int) -> dict[str, Any]:
    ids = [_video(number) for number in range(videos)]
    three = _stored(root)
    hot = ids[: round(videos * HOT_SHARE)]
    with transaction() as tx:
        for video_id in hot:
            tx.execute("insert into watched (video_id) values (%s)", (video_id,))
    started = time.perf_counter()
    while freeze(transaction, 600).objects:
        pass
    froze_s = time.perf_counter() - started
    mixed = _stored(root)
    cold_object_bytes = _objects(ids[len(hot) :])
    reads = _reads(ids[-1])
    started = time.perf_counter()
    thaw(transaction, ids[-1])
    thawed_s = time.perf_counter() - started
    with transaction() as tx:
        tx.execute("delete from watched")
    while freeze(transaction, 600).objects:
        pass
    frozen_bytes = _stored(root)
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "videos": videos,
        "bytes of the objects": _objects(ids),
        "stored with 3 replicas": three,
        "stored frozen": frozen_bytes,
        "frozen / 3 replicas": round(frozen_bytes / three, 4),
        "stored with 20/80 hot/cold": mixed,
        "saved with 20/80 hot/cold": round(1 - mixed / three, 4),
        "freezing, MB/s": round(cold_object_bytes / froze_s / 1e6, 1),
        "thawing, MB/s": round(_objects([ids[-1]]) / thawed_s / 1e6, 1),
        **reads,
    }


def _reads(video_id: str) -> dict[str, float]:
    """Reading the objects of a frozen video: from the four shards of data, and with two of their nodes away; against
    reading as many bytes from a replica."""
    with transaction() as tx:
        nodes = load(tx)
        keys = tx.values(str, "select key from object where video_id = %s order by key", (video_id,))
        things = [thing for key in keys if (thing := find_frozen(tx, key))]
    size = sum(thing.object.size for thing in things)
    without = [FrozenObject(thing.object, thing.shards[2:]) for thing in things]
    replica = Path(tempfile.mkstemp(dir=next(iter(local_stores().values())).root / "tmp")[1])
    replica.write_bytes(os.urandom(size))

    def took(read: Any) -> float:
        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            read()
            best = min(best, time.process_time() - started)
        return best

    def plain() -> None:
        with replica.open("rb") as file:
            while file.read(1 << 20):
                pass

    def decoded(which: list[FrozenObject]) -> None:
        for thing in which:
            for _ in read_frozen(nodes, thing):
                pass

    decoded(things + without)  # the shards are compared with their checksums the first time
    plain_s, data_s, parity_s = took(plain), took(partial(decoded, things)), took(partial(decoded, without))
    replica.unlink()
    return {
        "read a replica, CPU s/GB": round(plain_s / size * 1e9, 3),
        "read four data shards, CPU s/GB": round(data_s / size * 1e9, 3),
        "decode with two data shards away, CPU s/GB": round(parity_s / size * 1e9, 3),
    }


def _video(number: int) -> str:
    video_id = new_id()
    with transaction() as tx:
        tx.execute(
            "insert into video (id, owner_id, title, state, ready_at, thumbnails_done, subtitles_done)"
            " values (%s, 'bench', 'A film', 'ready', now() - interval '1 year', true, true)",
            (video_id,),
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "object"
        for index in range(SEGMENTS):
            seed = f"{number}/{index}".encode()
            path.write_bytes(hashlib.shake_256(seed).digest(SEGMENT + (SEGMENT * (index % 5 - 2)) // 6))
            stored = store_file(f"videos/{video_id}/720p/{index}-0123abcd.m4s", path, video_id)
            with transaction() as tx:
                record(tx, stored)
            replicate(transaction, stored.object.key)
    return video_id


def _objects(ids: list[str]) -> int:
    with transaction() as tx:
        return tx.value(int, "select sum(size)::bigint from object where video_id = any(%s)", (ids,)) or 0


def _stored(root: Path) -> int:
    """The bytes of all files on all nodes, by the file system."""
    return sum(path.stat().st_size for path in root.glob("node-*/objects/**/*") if path.is_file())


@contextmanager
def _platform() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        root = Path(folder)
        server = postgres.start(root / "data", durable=False)
        try:
            os.environ |= {
                "WADI_DATA": str(root / "data"),
                "DATABASE_URL": server.url,
                "JWT_SECRET": "a secret of a benchmark, long enough to derive keys from",
                "WADI_NODES": ":".join(str(root / f"node-{number}") for number in range(1, NODES + 1)),
                "FREEZE_AFTER_DAYS": "30",
                "FREEZE_BYTES_PER_SECOND": "0",
            }
            migrate(server.url)
            yield root
        finally:
            server.stop()


if __name__ == "__main__":
    main()
