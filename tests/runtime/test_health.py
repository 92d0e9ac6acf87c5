"""/health, /ready and /metrics; and the database going away and coming back."""

import importlib
import itertools
import re
import sys
import tempfile
import threading
import types
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from local import postgres
from shared.db.migrate import migrate
from shared.runtime import readiness
from shared.runtime.readiness import BACKENDS, Backend
from tests.conftest import Wadi, _forget_connections
from tests.patience import until
from tests.real import need
from tests.runtime.conftest import Notes
from tests.runtime.served import assert_problem, client, deliver
from tools.backends import redis as redis_server


def test_health_and_ready(notes: Notes) -> None:
    assert client("read_thing").get("/health").status_code == 200
    ready = client("read_thing").get("/ready")
    assert (ready.status_code, ready.json) == (200, {"status": "ready", "backends": {"database": "ok"}})


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Adds a backend for one test; its setting is WADI_CHAOS, which may be set or not."""
    monkeypatch.setattr(readiness, "BACKENDS", ())
    monkeypatch.setenv("WADI_CHAOS", "seed=1")

    def add(name: str, reason: str | None, *, required: bool) -> None:
        module = types.ModuleType(name)
        module.unhealthy_reason = lambda: reason  # type: ignore[attr-defined]  # made here
        monkeypatch.setitem(sys.modules, name, module)
        added = Backend(name, "WADI_CHAOS", name, required)
        monkeypatch.setattr(readiness, "BACKENDS", (*readiness.BACKENDS, added))

    return add


@pytest.mark.parametrize("listed", BACKENDS, ids=lambda listed: listed.name)
def test_every_backend_that_is_listed_has_a_check(listed: Backend) -> None:
    assert callable(importlib.import_module(listed.module).unhealthy_reason)


def test_a_function_is_asked_only_about_what_it_has_loaded(
    notes: Notes, backend: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend("left", "it was asked", required=True)
    monkeypatch.delitem(sys.modules, "left")
    assert client("read_thing").get("/ready").json == {"status": "ready", "backends": {"database": "ok"}}


def metric(name: str) -> str:
    found = re.search(rf"^{re.escape(name)} (\S+)$", client("read_thing").get("/metrics").text, re.MULTILINE)
    assert found, f"there is no {name}"
    return found[1]


def test_what_can_be_done_without_is_named_and_the_function_is_ready(
    notes: Notes, backend: Callable[..., None]
) -> None:
    backend("left", "LEFT_URL: 10.0.0.1:1 does not answer: gone", required=False)
    backend("right", None, required=True)
    answer = client("read_thing").get("/ready")
    assert answer.status_code == 200
    assert answer.json == {
        "status": "ready",
        "backends": {"database": "ok", "left": "down", "right": "ok"},
        "degraded": {"left": "LEFT_URL: 10.0.0.1:1 does not answer: gone"},
    }
    up = [metric(f'wadi_backend_up{{backend="{name}"}}') for name in ("database", "left", "right")]
    assert up == ["1.0", "0.0", "1.0"]


def test_without_what_is_needed_the_function_is_not_ready(notes: Notes, backend: Callable[..., None]) -> None:
    backend("left", "LEFT_URL: 10.0.0.1:1 does not answer: gone", required=True)
    backend("right", "RIGHT_URL: 10.0.0.2:2 does not answer: gone", required=False)
    problem = assert_problem(client("read_thing").get("/ready"), 503, "unavailable")
    assert problem["detail"] == "LEFT_URL: 10.0.0.1:1 does not answer: gone"


def test_what_is_not_set_is_not_asked(
    notes: Notes, backend: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    backend("left", "it was asked", required=True)
    monkeypatch.delenv("WADI_CHAOS")
    assert client("read_thing").get("/ready").json == {"status": "ready", "backends": {"database": "ok"}}


def test_metrics_count_answers_by_function_and_code(notes: Notes) -> None:
    def count(code: int) -> float:
        text = client("read_thing").get("/metrics").text
        found = re.search(rf'wadi_function_requests_total{{code="{code}",function="read_thing"}} (\S+)', text)
        return float(found[1]) if found else 0.0

    good, bad = count(200), count(400)
    client("read_thing").get("/things.v1/a")
    client("read_thing").get("/things.v1/a?count=0")
    client("read_thing").get("/things.v1/a?count=0")
    assert (count(200) - good, count(400) - bad) == (1, 2)
    answer = client("read_thing").get("/metrics")
    assert answer.content_type.startswith("text/plain")
    assert 'wadi_function_seconds_bucket{function="read_thing",le="0.1"}' in answer.text


@pytest.fixture
def own_server(wadi: Wadi, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, postgres.Server]]:
    """A PostgreSQL of this test's own, since it will be stopped."""
    with tempfile.TemporaryDirectory(prefix="wadi-test-") as folder:
        home = Path(folder)
        server = postgres.start(home, durable=False)
        migrate(server.url)
        _forget_connections()
        monkeypatch.setenv("DATABASE_URL", server.url)
        yield home, server
        _forget_connections()
        if running := postgres.running(home):
            running.stop()


def test_the_database_goes_away_and_comes_back(
    own_server: tuple[Path, postgres.Server], caplog: pytest.LogCaptureFixture
) -> None:
    home, server = own_server
    limited = client("limited_thing")
    assert limited.post("/limited").status_code == 204

    server.stop()
    answers = [
        limited.get("/ready"),
        limited.post("/limited"),
        client("break_thing").get("/broken/bug"),
        client("note_ping").post("/"),
        deliver("note_at_once", "", "t"),
        deliver("note_under_lease", "", "t"),
    ]
    for answer in answers:
        assert_problem(answer, 503, "unavailable")
        assert "Traceback" not in answer.text
    assert "127.0.0.1" in answers[0].text, "/ready says which address did not answer"
    assert "127.0.0.1" not in answers[1].text, "a client is not told of addresses inside"
    assert limited.get("/health").status_code == 200
    assert caplog.records
    assert [record.exc_text for record in caplog.records if record.exc_info] == [], "one line each, no stack trace"

    assert postgres.start(home, durable=False).url == server.url
    assert limited.post("/limited").status_code == 204
    assert limited.get("/ready").status_code == 200


def test_redis_is_killed_and_started_again_under_load(
    notes: Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    need("redis")
    server = redis_server.start(tmp_path)
    monkeypatch.setenv("REDIS_URL", server.address)
    ended = threading.Event()
    answers: list[int] = []
    caller = itertools.count(1)

    def load() -> None:
        """Each caller may call three times, and tries four times."""
        while not ended.is_set():
            headers = {"X-Forwarded-For": f"10.77.{next(caller)}"}
            for _ in range(4):
                answers.append(client("limited_thing").post("/limited", headers=headers).status_code)

    def more() -> None:
        wanted = len(answers) + 200
        until(lambda: len(answers) > wanted, "the load goes on")

    def said() -> Any:
        return client("read_thing").get("/ready").json

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(load) for _ in range(4)]
        try:
            more()
            assert said() == {"status": "ready", "backends": {"database": "ok", "redis": "ok"}}
            server.kill()
            more()
            gone = said()
            assert gone["status"] == "ready"
            assert gone["backends"] == {"database": "ok", "redis": "down"}
            assert "REDIS_URL: 127.0.0.1:" in gone["degraded"]["redis"]
            assert metric('wadi_backend_up{backend="redis"}') == "0.0"
            server.restart()
            until(lambda: said() == {"status": "ready", "backends": {"database": "ok", "redis": "ok"}}, "ready")
            more()
            assert metric('wadi_backend_up{backend="redis"}') == "1.0"
        finally:
            ended.set()
            wait(running)
            server.kill()
    for each in running:
        each.result()
    total = Counter(answers)
    assert set(total) == {204, 429}, "no caller noticed"
    assert total[204] >= 3 * total[429], "nobody was refused too early"
    changes = 2 * 4 * 4  # who was in the middle of his calls when it went or came may begin anew
    assert total[204] <= 3 * total[429] + changes, "there was always a limit"
    assert len([record for record in caplog.records if "going on without" in record.message]) == 1, "it is said once"
