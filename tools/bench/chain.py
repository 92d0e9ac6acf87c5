"""The whole chain on this machine, against one ffmpeg that makes the same ladder: `python -m tools.bench.chain`.

Counts the CPU seconds of every process of the platform (gateway, functions, ffmpeg, PostgreSQL) from before the upload
until all is ready, placed and indexed; says how soon the video was playable and ready; and what an idle platform costs.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from shared.media.planning.plan import plan
from tools.bench.clip import bench_clip
from tools.bench.media import cpu, in_one

TICK = os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of the clip")
    parser.add_argument("--runs", type=int, default=1)
    arguments = parser.parse_args()
    clip = bench_clip(arguments.seconds)
    runs = [_pair(clip) for _ in range(arguments.runs)]
    for run in runs:
        print(json.dumps(run))


def _pair(clip: Path) -> dict[str, float]:
    """One of each, one after the other: only their ratio means anything elsewhere."""
    with tempfile.TemporaryDirectory(prefix="wadi-bench-") as folder:
        yardstick = cpu(lambda: in_one(str(clip), plan(str(clip)), Path(folder)))
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user where we are root
        chain = _chain(clip, Path(folder))
    return {"one_ffmpeg_cpu_s": round(yardstick, 2), "ratio": round(chain["chain_cpu_s"] / yardstick, 3), **chain}


def _chain(clip: Path, data: Path) -> dict[str, float]:
    settings = {"WADI_DATA": str(data / "data"), "WADI_PORT": "0", "WADI_IDLE_SECONDS": "5", "HOME": str(data)}
    environment = {**os.environ, **settings}
    runner = subprocess.Popen([sys.executable, "-m", "local", "up"], env=environment, stdout=subprocess.DEVNULL)
    try:
        url = _url(data / "data", runner)
        with httpx.Client(base_url=url, timeout=60) as client:
            account = {"email": "bench@example.org", "password": "correct horse battery"}
            token = client.post("/api/auth/register", json=account).raise_for_status().json()["access_token"]
            before = _cpu(_platform(runner.pid, data / "data"))
            environment |= {"WADI_URL": url, "WADI_TOKEN": token}
            command = [sys.executable, "-m", "cli", "upload", str(clip), "--watch", "--json"]
            said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
            video = json.loads(said.splitlines()[-1])
            _until(lambda: _settled(client, video["id"]))
            spent = _cpu(_platform(runner.pid, data / "data")) - before
            _until(lambda: _asleep(client))
        idle = _platform(runner.pid, data / "data")
        return {
            "chain_cpu_s": round(spent, 2),
            "playable_after_s": video["playable_after_s"],
            "ready_after_s": video["ready_after_s"],
            "idle_processes": len(idle),
            "idle_mb": round(sum(_memory(pid) for pid in idle) / 2**20, 1),
        }
    finally:
        runner.terminate()
        runner.wait(60)


def _url(data: Path, runner: "subprocess.Popen[bytes]") -> str:
    state = data / "run" / "state.json"
    _until(lambda: state.exists() and json.loads(state.read_text())["pid"] == runner.pid)
    return str(json.loads(state.read_text())["local_url"])


def _settled(client: httpx.Client, video_id: str) -> bool:
    status = client.get(f"/api/videos/{video_id}/status").json()
    return bool(status["indexed"]) and all(r["placed"] == r["total"] for r in status["renditions"])


def _asleep(client: httpx.Client) -> bool:
    """All functions are at zero."""
    services = client.get("/local/status").json()["services"]
    return all(not each["processes"] for each in services)


def _until(true: Callable[[], object], seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "this takes too long"
        time.sleep(0.1)


def _platform(runner: int, data: Path) -> list[int]:
    """Every process: the runner's and PostgreSQL's trees."""
    database = int((data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_stat(int(entry.name))[1])
            except OSError:
                continue
    found = {runner, database}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def _cpu(pids: list[int]) -> float:
    """Seconds that these processes and their ended children have used."""
    total = 0
    for pid in pids:
        try:
            total += sum(int(ticks) for ticks in _stat(pid)[11:15])
        except OSError:  # it ended: its parent, which is in the list, has its time now
            continue
    return total / TICK


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat after the name: state is 0, ppid is 1, utime to cstime are 11 to 14."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _memory(pid: int) -> int:
    """Bytes: the process's share of what it uses (PSS), so that forked memory counts once."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


if __name__ == "__main__":
    main()
