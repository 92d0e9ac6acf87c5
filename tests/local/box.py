"""A real runner for a test: `python -m local up` with the test's manifests and functions."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg2

from local.layout import ROOT
from tests.patience import until


class Box:
    def __init__(self, root: Path, data: Path, database_url: str = "", **settings: str) -> None:
        self.root = root
        self.data = data
        self.database_url = database_url
        self.settings = settings
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.said = root / "said"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "local", *arguments]

    def environment(self, **settings: str) -> dict[str, str]:
        ours = {"WADI_DATA": str(self.data), "WADI_PORT": "0", "DATABASE_URL": self.database_url}
        return {**os.environ, **ours, **self.settings, **settings}

    def begin(self, **settings: str) -> None:
        """Starts the runner and does not wait."""
        self.said.parent.mkdir(exist_ok=True)
        with self.said.open("wb") as output:  # not a pipe: nobody would read it, and the runner would wait for ever
            self.process = subprocess.Popen(
                self.command("up", "--root", str(self.root), "--module", "tests.local.served"),
                cwd=ROOT, env=self.environment(**settings), stdout=output, stderr=output,
            )  # fmt: skip

    def up(self, **settings: str) -> Self:
        self.begin(**settings)
        state = until(self.state)
        self.url = state["local_url"]
        return self

    def state(self) -> dict[str, Any]:
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"the runner ended: {self.output()}")
        try:
            state = json.loads((self.data / "run" / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return dict(state) if state["pid"] == self.process.pid else {}

    def output(self) -> str:
        return self.said.read_text()

    def run(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Runs a command to its end."""
        return subprocess.run(
            self.command(*arguments), cwd=ROOT, env=self.environment(**settings), capture_output=True, text=True,
            timeout=100, check=False,
        )  # fmt: skip

    def kill(self) -> None:
        """As a power cut would: no chance to clear up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def down(self) -> int:
        """SIGTERM and its exit code; the end of a test also for one that is gone already."""
        if self.process is None:
            return 0
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def status(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/local/status").json())

    def service(self, name: str) -> dict[str, Any]:
        return dict(next(one for one in self.status()["services"] if one["name"] == name))

    def processes(self, name: str) -> list[dict[str, Any]]:
        return list(self.service(name)["processes"])

    def publish(self, topic: str, *events: tuple[str, str, dict[str, Any]]) -> None:
        """Appends events (id, key, data) to a topic, as the relay does."""
        with psycopg2.connect(self.database_url) as db, db.cursor() as at:
            for event_id, key, data in events:
                event = {"specversion": "1.0", "id": event_id, "source": "/test", "type": topic, "data": data}
                event |= {"subject": key, "partitionkey": key, "datacontenttype": "application/json"}
                at.execute(
                    "insert into topic_record (topic, key, event) values (%s, %s, %s)", (topic, key, json.dumps(event))
                )
            at.execute("notify wadi_topic")
        db.close()

    def record(self, target: str = "", at: str = "") -> list[dict[str, Any]]:
        """What the functions wrote down, in order."""
        file = self.data / "record.jsonl"
        if not file.exists():
            return []
        with file.open() as lines_of_all:
            fcntl.flock(lines_of_all, fcntl.LOCK_SH)
            lines = [json.loads(line) for line in lines_of_all]
        return [one for one in lines if target in ("", one["target"]) and at in ("", one["at"])]

    def pending(self) -> int:
        with psycopg2.connect(self.database_url) as db, db.cursor() as at:
            at.execute("select count(*) from delivery")
            row = at.fetchone()
        db.close()
        return int(row[0]) if row else 0
