"""Functions as real processes: from zero, one more when full, back to zero, and what happens when they crash."""

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.local.box import Box
from tests.local.conftest import MakeBox
from tests.local.yaml_files import kafka_source, route, service
from tests.patience import until


def ask(box: Box, path: str) -> httpx.Response:
    return httpx.get(f"{box.url}{path}", timeout=60)


def test_from_zero_and_back_to_zero(make_box: MakeBox) -> None:
    box = make_box([service("f")], [route("f")], WADI_IDLE_SECONDS="0.5").up()
    assert box.processes("f") == []
    answer = ask(box, "/f/x")
    assert answer.status_code == 200
    pid = answer.json()["pid"]
    os.kill(pid, 0)
    assert answer.json()["target"] == "f"
    until(lambda: box.processes("f") == [])
    assert box.record("f", "stopped")[0]["pid"] == pid, "it was asked to stop, and did so by itself"
    assert ask(box, "/f/x").json()["pid"] != pid, "and it comes again"


def test_a_process_is_a_session_of_its_own_named_after_the_service(make_box: MakeBox) -> None:
    box = make_box([service("f")], [route("f")]).up()
    pid = ask(box, "/f/x").json()["pid"]
    assert os.getsid(pid) == pid
    assert subprocess.check_output(["ps", "-o", "comm=", "-p", str(pid)], text=True).strip() == "f"


def test_never_more_at_once_than_container_concurrency_and_one_more_process_when_full(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=2)], [route("f")], WADI_MAX_INSTANCES="2").up()
    with ThreadPoolExecutor(12) as pool:
        asked = [pool.submit(ask, box, "/f/x?until=go") for _ in range(12)]
        until(lambda: box.service("f")["waiting"] == 8)
        until(lambda: [one["in_flight"] for one in box.processes("f")] == [2, 2])
        (box.data / "go").touch()
        answers = [one.result() for one in asked]
    assert [answer.status_code for answer in answers] == [200] * 12
    assert len({answer.json()["pid"] for answer in answers}) == 2


def test_one_process_is_enough_for_what_fits_into_it(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=5)], [route("f")]).up()
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(ask, box, "/f/x?until=go") for _ in range(5)]
        until(lambda: [one["in_flight"] for one in box.processes("f")] == [5])
        (box.data / "go").touch()
        answers = [one.result() for one in asked]
    assert len({answer.json()["pid"] for answer in answers}) == 1
    assert box.service("f")["starts"] == 1


def test_min_scale_runs_from_the_start_and_stays(make_box: MakeBox) -> None:
    box = make_box([service("f", min_scale=1)], [route("f")], WADI_IDLE_SECONDS="0.1").up()
    first = until(lambda: [one for one in box.processes("f") if one["state"] == "ready"])[0]
    until(lambda: box.processes("f")[0]["idle_seconds"] > 0.5)
    assert [one["pid"] for one in box.processes("f")] == [first["pid"]]
    os.kill(first["pid"], signal.SIGKILL)
    until(lambda: [one for one in box.processes("f") if one["state"] == "ready" and one["pid"] != first["pid"]])


def test_max_scale_bounds_the_processes(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=1, max_scale=1)], [route("f")], WADI_MAX_INSTANCES="4").up()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: ask(box, "/f/x?sleep=0.05"), range(4)))
    assert len({answer.json()["pid"] for answer in answers}) == 1


def test_an_instance_limit_can_be_set_for_one_service(make_box: MakeBox) -> None:
    both = [service("f", concurrency=1), service("g", concurrency=1)]
    box = make_box(both, [route("f"), route("g")], WADI_MAX_INSTANCES="1,g=3").up()
    assert {one["name"]: one["limit"] for one in box.status()["services"]} == {"f": 1, "g": 3}


def test_a_crash_answers_502_and_the_next_request_gets_a_new_process(make_box: MakeBox) -> None:
    box = make_box([service("f")], [route("f")]).up()
    first = ask(box, "/f/x").json()["pid"]
    answer = ask(box, "/f/x?crash=1")
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["type"] == "/problems/bad-gateway"
    until(lambda: box.service("f")["crashes"] == 1)
    assert "SIGKILL" in box.service("f")["last_crash"]
    until(lambda: ask(box, "/f/x").status_code == 200)
    assert box.processes("f")[0]["pid"] != first


def test_one_that_does_not_start_says_why_and_is_not_started_over_and_over(make_box: MakeBox) -> None:
    box = make_box([service("f", target="never_starts")], [route("f")]).up()
    answer = ask(box, "/f/x")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/unavailable"
    assert "retry-after" in answer.headers
    for _ in range(20):
        assert ask(box, "/f/x").status_code == 503
    found = box.service("f")
    assert found["last_crash"].endswith("the configuration is broken")
    assert found["starts"] < 10, "a pause comes before each further start"
    until(lambda: not list((box.data / "run" / "instances").iterdir()))
    assert "the configuration is broken" in box.run("ps").stdout
    assert "the configuration is broken" in box.run("logs", "f").stdout


def test_sigterm_lets_a_function_finish_its_request(make_box: MakeBox) -> None:
    box = make_box([service("f")], [route("f")]).up()
    pid = ask(box, "/f/x").json()["pid"]
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, box, "/f/x?sleep=1")
        until(lambda: box.processes("f")[0]["in_flight"] == 1)
        assert box.down() == 0
        assert slow.result().json()["pid"] == pid
    assert box.record("f", "stopped")


def test_what_a_killed_function_had_started_is_killed_too(make_box: MakeBox) -> None:
    box = make_box([service("f")], [route("f")]).up()
    child = int(ask(box, "/f/x?child=1").json()["body"])
    ask(box, "/f/x?crash=1")
    until(lambda: _gone(child))


def test_when_the_zygote_is_killed_functions_come_again(make_box: MakeBox) -> None:
    box = make_box([service("f"), service("g")], [route("f")]).up()
    pid = ask(box, "/f/x").json()["pid"]
    zygote = int(subprocess.check_output(["ps", "-o", "ppid=", "-p", str(pid)], text=True))
    os.kill(zygote, signal.SIGKILL)
    until(lambda: _gone(pid))
    until(lambda: ask(box, "/f/x").status_code == 200)


def test_a_media_service_does_not_get_more_processes_than_the_cores_can_feed(make_box: MakeBox) -> None:
    box = make_box([service("f", image="wadi/media", concurrency=500)], WADI_MAX_INSTANCES="4").up()
    assert box.service("f")["limit"] == 1


def test_events_wake_a_function_from_zero(make_box: MakeBox) -> None:
    box = make_box([service("f"), kafka_source("f", "t")], WADI_IDLE_SECONDS="0.3").up()
    box.publish("t", ("1", "k", {}))
    until(lambda: box.record("f", "end"))
    until(lambda: box.processes("f") == [])
    box.publish("t", ("2", "k", {}))
    until(lambda: len(box.record("f", "end")) == 2)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True
