"""How evenly the ring fills equal nodes: `python -m tools.bench.ring`. Also draws docs/images/ring-balance.png.

Two halves of 20 bars: objects a node for one position a key (plain consistent hashing), and for the ring as it is. The
green line is the mean, the red one 10 % more, the numbers at the left are shares of the mean.
"""

import hashlib
import json
import struct
import zlib
from bisect import bisect_left
from collections import Counter
from itertools import islice
from pathlib import Path

from shared.storage.nodes.ring import Ring, _points, spread

NODES, KEYS, REPLICAS = 20, 60_000, 3
IMAGE = Path(__file__).resolve().parents[2] / "docs" / "images" / "ring-balance.png"

WIDTH, HEIGHT, LEFT, BASE = 920, 300, 60, 270
WHITE, BLUE, GREEN, RED, GREY = (255, 255, 255), (66, 114, 176), (40, 140, 70), (200, 50, 50), (90, 90, 90)
GLYPHS = {
    "0": ("111", "101", "101", "101", "111"),
    "1": ("010", "110", "010", "010", "111"),
    "2": ("111", "001", "111", "100", "111"),
    "5": ("111", "100", "111", "001", "111"),
    ".": ("000", "000", "000", "000", "010"),
}


def main() -> None:
    names = [f"node-{number}" for number in range(1, NODES + 1)]
    keys = [f"videos/{number}/720p/0-abc.m4s" for number in range(KEYS)]
    ring = Ring(dict.fromkeys(names, 1.0))
    zones = {name: "abcd"[number % 4] for number, name in enumerate(names)}
    counts = {
        "one position a key": Counter(one_position(names, keys)),
        "the ring": Counter(node for key in keys for node in islice(ring.nodes_for(key), 1)),
        "the ring, 3 replicas": Counter(node for key in keys for node in islice(ring.nodes_for(key), REPLICAS)),
        "the ring, 3 replicas in 4 zones": Counter(
            node for key in keys for node in spread(ring.nodes_for(key), zones, REPLICAS)
        ),
    }
    shares = {what: [held[name] * NODES / held.total() for name in names] for what, held in counts.items()}
    draw([shares["one position a key"], shares["the ring"]])
    found = {what: {"max/mean": round(max(each), 3), "min/mean": round(min(each), 3)} for what, each in shares.items()}
    print(json.dumps(found, indent=2))


def one_position(names: list[str], keys: list[str]) -> list[str]:
    """Plain consistent hashing with as many points, for comparison."""
    points = sorted((position, name) for name in names for position in _points(name, 150))
    positions = [position for position, _ in points]
    hashes = (int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") for key in keys)
    return [points[bisect_left(positions, each) % len(points)][1] for each in hashes]


def draw(panels: list[list[float]]) -> None:
    rows = [[WHITE] * WIDTH for _ in range(HEIGHT)]
    scale = 190  # pixels for the mean

    def fill(left: int, top: int, right: int, bottom: int, color: tuple[int, int, int]) -> None:
        for y in range(top, bottom):
            rows[y][left:right] = [color] * (right - left)

    def write(text: str, left: int, top: int) -> None:
        for number, character in enumerate(text):
            for y, line in enumerate(GLYPHS[character]):
                for x, dot in enumerate(line):
                    if dot == "1":
                        at_x, at_y = left + 12 * number + 3 * x, top + 3 * y
                        fill(at_x, at_y, at_x + 3, at_y + 3, GREY)

    step = (WIDTH - LEFT - 40) // (len(panels) * NODES)
    for panel, shares in enumerate(panels):
        begin = LEFT + panel * (NODES * step + 20)
        for number, share in enumerate(shares):
            left = begin + number * step
            fill(left, BASE - round(share * scale), left + step - 4, BASE, BLUE if share <= 1.1 else RED)
        for share, color in ((1.0, GREEN), (1.1, RED)):
            y = BASE - round(share * scale)
            fill(begin, y, begin + NODES * step - 4, y + 2, color)
        fill(begin, BASE, begin + NODES * step - 4, BASE + 2, GREY)
    for share in (0.5, 1.0, 1.1):
        write(f"{share:.1f}", 14, BASE - round(share * scale) - 7)
    write("0", 38, BASE - 7)
    body = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
    IMAGE.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


if __name__ == "__main__":
    main()
