"""PingSources: when they tick, and what a function gets."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSimError

from local import manifests
from local.activator.activator import Activator
from local.activator.platform import Platform
from local.cron.cron import Cron
from local.manifests.schedule import schedule
from tests.local.yaml_files import ping_source, service, write

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def times(text: str, count: int, after: datetime = NOON) -> list[str]:
    return [at.isoformat() for at in islice(schedule(text, after), count)]


def test_times_of_a_schedule() -> None:
    assert times("*/5 * * * *", 2) == ["2026-03-01T12:05:00+00:00", "2026-03-01T12:10:00+00:00"]
    assert times("0 3 * * MON", 1) == ["2026-03-02T03:00:00+00:00"]
    assert times("@daily", 1) == ["2026-03-02T00:00:00+00:00"]


def test_a_timezone_with_summer_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    found = times("0 9 * * *", 2, datetime(2026, 3, 28, 8, 0, tzinfo=berlin))
    assert found == ["2026-03-28T09:00:00+01:00", "2026-03-29T09:00:00+02:00"]


@pytest.mark.parametrize("text", ["", "* * * *", "* * * * * *", "60 * * * *", "@every 5m", "x * * * *"])
def test_what_is_no_schedule(text: str) -> None:
    with pytest.raises(CronSimError):
        schedule(text)


def soon(_: str, after: datetime) -> Iterator[datetime]:
    """A schedule for the impatient: three ticks, a tenth of a second apart."""
    return iter([after + timedelta(seconds=0.1 * number) for number in range(1, 4)])


def run(tmp_path: Path, spec: dict[str, Any], target: str = "f", answers: int = 3) -> list[dict[str, Any]]:
    """What the function wrote down of three ticks, once it has answered so often."""
    root = write(tmp_path / "root", [service("f", target=target), ping_source("p", "f", **spec)], [])
    found = manifests.read(root)
    data = tmp_path / "data"
    record = data / "record.jsonl"

    async def ticks() -> None:
        activator = Activator(found.services.values(), Platform(data, {"WADI_DATA": str(data)}, "tests.local.served"))
        cron = Cron(found.pings, activator, soon)
        cron.start()
        async with asyncio.timeout(60):
            while sum('"end"' in line for line in _lines(record)) < answers:
                await asyncio.sleep(0.02)
        await cron.stop()
        await activator.stop(10)

    asyncio.run(ticks())
    return [json.loads(line) for line in _lines(record) if '"start"' in line]


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def test_a_tick_is_a_cloud_event_of_knatives_ping_source(tmp_path: Path) -> None:
    seen = run(tmp_path, {"contentType": "text/plain", "data": "good morning ä"})
    assert len({one["id"] for one in seen}) == 3
    headers = seen[0]["headers"]
    assert headers["ce-type"] == "dev.knative.sources.ping"
    assert headers["ce-source"] == "/apis/v1/namespaces/wadi/pingsources/p"
    assert headers["content-type"] == "text/plain"
    assert seen[0]["data"] == "good morning ä"


def test_a_tick_without_data_has_no_body(tmp_path: Path) -> None:
    assert [one["data"] for one in run(tmp_path, {})] == ["", "", ""]


def test_a_tick_that_fails_is_tried_a_few_times(tmp_path: Path) -> None:
    seen = run(tmp_path, {}, target="fixed_500", answers=4)
    assert max(sum(one["id"] == other["id"] for one in seen) for other in seen) > 1
