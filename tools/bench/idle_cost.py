"""What the platform costs while nothing happens: its processes and their memory.

    python -m tools.bench.idle_cost [--json]

Memory is the proportional set size: pages that several processes share count once in the sum.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from local.layout import ROOT

MIB = 1024


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for thread in threads for child in thread.read_text().split()]
    return [pid, *(one for child in children for one in family(child))]


def measure(pid: int) -> dict[str, object]:
    """Processes, MiB and CPU seconds, by the name of the program."""
    parts: dict[str, dict[str, float]] = {}
    for member in family(pid):
        arguments = Path(f"/proc/{member}/cmdline").read_bytes()
        name = (
            "postgres" if b"postgres" in arguments else "zygote" if b"local.activator.zygote" in arguments else "runner"
        )
        part = parts.setdefault(name, {"processes": 0, "mib": 0.0})
        part["processes"] += 1
        lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        part["mib"] += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / MIB
    total = {
        "processes": sum(one["processes"] for one in parts.values()),
        "mib": sum(one["mib"] for one in parts.values()),
    }
    return {
        name: {key: round(value, 1) for key, value in one.items()} for name, one in (parts | {"all": total}).items()
    }


def cpu_seconds(pid: int) -> float:
    """CPU that the family has used until now."""
    ticks = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to watch the CPU")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        environment = {**os.environ, "WADI_DATA": folder, "WADI_PORT": "0", "DATABASE_URL": ""}
        command = [sys.executable, "-m", "local"]
        subprocess.run([*command, "up", "--daemon"], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
        try:
            pid = int((Path(folder) / "run" / "lock").read_text())
            before = cpu_seconds(pid)
            time.sleep(arguments.seconds)
            found = measure(pid) | {"cpu_percent": round((cpu_seconds(pid) - before) / arguments.seconds * 100, 2)}
        finally:
            subprocess.run([*command, "down"], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    print(json.dumps(found) if arguments.json else "\n".join(f"{name:12} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
