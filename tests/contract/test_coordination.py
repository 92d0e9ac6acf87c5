"""Locks, fences and node leases: what any implementation must do, on real servers.

Etcd leases are never shorter than etcd's election timeout (2 s), so what runs out is waited for with a deadline.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from shared import coordination, db
from shared.config import ConfigError
from shared.coordination import Fence, Fenced, LockHeld, lock
from shared.coordination.etcd import endpoints
from shared.coordination.fence import issue_token
from shared.errors import Unavailable
from shared.ids import new_id
from tests.clock import wrong_clock
from tests.conftest import Database
from tests.patience import until
from tests.real import need
from tools.backends import etcd
from tools.backends.server import Server

ROOT = Path(__file__).resolve().parents[2]
SHORT = 2.0


@pytest.fixture(params=["postgres", "etcd"])
def implementation(request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch) -> str:
    kind: str = request.param
    if kind == "etcd":
        monkeypatch.setenv("ETCD_ENDPOINTS", need("etcd"))
        monkeypatch.setenv("ETCD_PREFIX", f"test-{new_id()}")
    return kind


@pytest.fixture
def private_etcd(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that may be killed."""
    need("etcd")
    server = etcd.start(tmp_path)
    monkeypatch.setenv("ETCD_ENDPOINTS", server.address)
    monkeypatch.setenv("ETCD_PREFIX", f"test-{new_id()}")
    yield server
    server.kill()


def may_write(fence: Fence) -> bool:
    try:
        with db.transaction() as tx:
            fence.check(tx)
    except Fenced:
        return False
    return True


def free(name: str) -> bool:
    try:
        with lock(name, "another", SHORT):
            return True
    except LockHeld:
        return False


# --- locks


def test_a_lock_has_one_holder(implementation: str) -> None:
    with lock("work", "one", 10) as fence:
        assert may_write(fence)
        with pytest.raises(LockHeld), lock("work", "two", 10):
            pass
        with lock("other work", "two", 10) as other:
            assert may_write(other)
    assert free("work")


def test_of_many_at_once_one_wins(implementation: str) -> None:
    start, end = Barrier(8), Barrier(8)

    def try_it(number: int) -> bool:
        start.wait(30)
        try:
            with lock("race", f"holder {number}", 10):
                end.wait(30)
                return True
        except LockHeld:
            end.wait(30)
            return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_it, range(8))) == 1


def test_a_lock_is_given_back_after_an_error(implementation: str) -> None:
    with pytest.raises(ZeroDivisionError), lock("errors", "one", 10):
        raise ZeroDivisionError
    assert free("errors")


def test_a_lease_is_renewed_for_as_long_as_the_work_takes(implementation: str) -> None:
    with lock("long", "one", SHORT) as fence:
        deadline = time.monotonic() + 2.5 * SHORT
        while time.monotonic() < deadline:
            assert not free("long")
            time.sleep(0.1)
        assert may_write(fence)


def test_tokens_only_grow(implementation: str) -> None:
    tokens = []
    for _ in range(3):
        with lock("tokens", "one", 10) as fence:
            tokens.append(fence.token)
    assert tokens == sorted(set(tokens))


# --- a holder that is fenced off


HOLDER = """
import sys
from shared import db
from shared.coordination import Fenced, lock
with lock("paused", "the first", {ttl}) as fence:
    print("held", flush=True)
    sys.stdin.readline()
    try:
        with db.transaction() as tx:
            fence.check(tx)
            tx.execute("update node set zone = 'late' where true")
        print("written", flush=True)
    except Fenced:
        print("fenced", flush=True)
"""


@pytest.fixture
def holder() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Starts a process that holds the lock `paused`, and writes under it when it is told to."""
    started: list[subprocess.Popen[str]] = []

    def start(environment: dict[str, str] | None = None) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER.format(ttl=SHORT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {}),
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def told_to_write(process: "subprocess.Popen[str]") -> str:
    out, _ = process.communicate("go\n", timeout=30)
    return out.strip()


def test_a_holder_that_slept_too_long_cannot_write(
    implementation: str, holder: Callable[..., "subprocess.Popen[str]"]
) -> None:
    sleeper = holder()
    sleeper.send_signal(signal.SIGSTOP)
    until(lambda: free("paused"), "the lease of a stopped holder runs out")
    sleeper.send_signal(signal.SIGCONT)
    assert told_to_write(sleeper) == "fenced"


@pytest.mark.parametrize("hours", [1, -1])
def test_a_wrong_clock_neither_keeps_a_lock_nor_takes_one(
    implementation: str, holder: Callable[..., "subprocess.Popen[str]"], tmp_path: Path, hours: int
) -> None:
    clock = wrong_clock(tmp_path, hours * 3600)
    now = "import time; print(time.time())"
    told = subprocess.run(
        [sys.executable, "-c", now], env=os.environ | clock, capture_output=True, text=True, check=True
    )
    assert 3000 < (float(told.stdout) - time.time()) * hours < 4200
    with lock("paused", "us", 10), pytest.raises(AssertionError):
        holder(clock)  # it ends at once: the lock is held, whatever hour it is there
    wrong = holder(clock)
    deadline = time.monotonic() + 2 * SHORT
    while time.monotonic() < deadline:
        assert not free("paused")
        time.sleep(0.1)
    assert told_to_write(wrong) == "written"


def test_a_killed_holder_is_followed_by_the_next(
    implementation: str, holder: Callable[..., "subprocess.Popen[str]"]
) -> None:
    holder().kill()
    until(lambda: free("paused"), "the lease of a killed holder runs out")


def test_no_newer_token_is_given_out_while_a_write_is_under_way(implementation: str) -> None:
    """What a holder has checked stays true until it commits."""
    with lock("slow", "one", 10) as fence, ThreadPoolExecutor(1) as pool:
        with db.transaction() as tx:
            fence.check(tx)
            later = pool.submit(issue_token, "slow")
            with pytest.raises(TimeoutError):
                later.result(timeout=0.3)
        assert later.result(timeout=30).token > fence.token
        assert not may_write(fence)


# --- nodes


def test_nodes_are_alive_while_their_lease_lasts(implementation: str) -> None:
    one, other = new_id(), new_id()
    coordination.renew(one, 3600)
    coordination.renew(other, SHORT)
    assert {one, other} <= coordination.alive()
    until(lambda: other not in coordination.alive(), "a node that stops renewing is not alive")
    assert one in coordination.alive()
    coordination.renew(other, 3600)
    assert other in coordination.alive()


def test_the_ring_has_another_epoch_after_each_change(implementation: str, database: Database) -> None:
    def epoch() -> int:
        with db.transaction() as tx:
            return coordination.epoch(tx)

    seen = [epoch()]
    for sql in (
        "insert into node (id, kind, location) values ('epoch', 'directory', '/epoch')",
        "update node set weight = 2 where id = 'epoch'",
        "update node set zone = 'a' where id = 'epoch'",
        "update node set state = 'draining' where id = 'epoch'",
        "update node set suspect_since = now() where id = 'epoch'",
        "delete from node where id = 'epoch'",
    ):
        database.all(sql)
        seen.append(epoch())
    assert seen == sorted(set(seen))


# --- etcd that dies


def test_a_lock_outlives_etcd_being_killed_and_restarted(private_etcd: Server) -> None:
    coordination.renew("a node", 3600)
    with lock("survivor", "one", 6) as fence:
        private_etcd.kill()
        with pytest.raises(Unavailable), lock("survivor", "two", 6):
            pass
        private_etcd.restart()
        until(lambda: coordination.unhealthy_reason() is None, "etcd is found again")
        deadline = time.monotonic() + 8
        while time.monotonic() < deadline:  # for longer than the lease: it was renewed at the new process
            assert not free("survivor")
            time.sleep(0.1)
        assert may_write(fence)
    assert free("survivor")
    assert coordination.alive() == {"a node"}


def test_a_lock_is_lost_when_etcd_stays_away(private_etcd: Server) -> None:
    """Others cannot have it meanwhile, but this holder cannot know that."""
    with lock("away", "one", SHORT) as fence:
        private_etcd.kill()
        until(lambda: fence.lost, "the holder gives up a lease that it cannot renew")
        assert not may_write(fence)


def test_a_fresh_etcd_cannot_give_an_old_token_out(
    private_etcd: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its revisions begin anew; the tokens, which stand in PostgreSQL, do not."""
    with lock("data lost", "one", 10) as first:
        pass
    fresh = etcd.start(tmp_path / "fresh")
    try:
        monkeypatch.setenv("ETCD_ENDPOINTS", fresh.address)
        with lock("data lost", "two", 10) as second:
            assert second.token > first.token
            assert not may_write(first)
    finally:
        fresh.kill()


def test_one_that_is_away_is_named_in_one_line(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_ENDPOINTS", "127.0.0.1:9")
    reason = coordination.unhealthy_reason()
    assert reason is not None
    assert reason.startswith("ETCD_ENDPOINTS: no answer from 127.0.0.1:9: ")
    assert "\n" not in reason


def test_the_next_endpoint_answers_for_one_that_is_away(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_ENDPOINTS", f"127.0.0.1:9,{need('etcd')}")
    monkeypatch.setenv("ETCD_PREFIX", f"test-{new_id()}")
    for _ in range(3):
        with lock("either", "one", 10) as fence:
            assert may_write(fence)


@pytest.mark.parametrize("text", ["ftp://host:1", "http://:2379", "host:port"])
def test_endpoints_that_are_none(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_ENDPOINTS", text)
    with pytest.raises(ConfigError, match="ETCD_ENDPOINTS"):
        endpoints()


def test_without_etcd_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, json, shared.coordination; print(json.dumps([m for m in ('grpc', 'pyetcd') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
