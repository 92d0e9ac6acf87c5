"""The runner itself is killed, stopped and started again: nothing is lost, nothing is left behind."""

import os
import signal
import subprocess
from collections import Counter
from pathlib import Path

import httpx

from tests.local.box import Box
from tests.local.conftest import MakeBox
from tests.local.yaml_files import kafka_source, route, service
from tests.patience import until


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def ended(box: Box) -> set[str]:
    return {one["id"] for one in box.record("f", "end")}


def test_killed_in_the_middle_of_deliveries_and_started_again_nothing_is_lost(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=3), kafka_source("f", "t")]).up()
    events = [(str(number), "k", {"until": "go"} if number % 3 == 2 else {}) for number in range(12)]
    box.publish("t", *events)
    until(lambda: len(box.record("f", "start")) >= 5)
    pids = {one["pid"] for one in box.record("f")}
    box.kill()
    until(lambda: all(gone(pid) for pid in pids))
    (box.data / "go").touch()
    box.up()
    until(lambda: ended(box) == {one[0] for one in events} and box.pending() == 0)


def test_the_number_of_failed_tries_outlives_the_runner(make_box: MakeBox) -> None:
    box = make_box(
        [service("f"), service("dead"), kafka_source("f", "t", retry=3, delay="PT0.4S", dead_letter="dead")]
    ).up()
    box.publish("t", ("1", "k", {"status": 500}))
    until(lambda: len(box.record("f", "end")) == 2)
    until(lambda: box.status()["sources"][0]["retried"] == 2)
    box.kill()
    box.up()
    until(lambda: box.record("dead", "end"))
    until(lambda: box.pending() == 0)
    assert len(box.record("f", "start")) == 4, "two before and two after"


def test_killed_while_the_dead_letter_sink_refuses_the_letter_still_arrives(make_box: MakeBox) -> None:
    box = make_box([service("f"), service("dead"), kafka_source("f", "t", retry=0, dead_letter="dead")]).up()
    (box.data / "dead-refuses").touch()
    box.publish("t", ("1", "k", {"status": 400}))
    until(lambda: box.record("dead", "end"))
    box.kill()
    (box.data / "dead-refuses").unlink()
    box.up()
    until(lambda: box.pending() == 0)
    last = box.record("dead", "end")[-1]
    assert last["status"] == 204
    assert box.record("dead", "start")[-1]["headers"]["ce-knativeerrorcode"] == "400"


def test_stopped_in_the_middle_no_try_is_counted_and_nothing_is_lost(make_box: MakeBox) -> None:
    box = make_box([service("f", concurrency=2), kafka_source("f", "t", retry=0)]).up()
    events = [(str(number), "k", {"sleep": 0.3}) for number in range(20)]
    box.publish("t", *events)
    until(lambda: box.record("f", "start"))
    assert box.down() == 0
    assert 0 < len(box.record("f", "end")) < 20
    box.up()
    until(lambda: ended(box) == {one[0] for one in events} and box.pending() == 0)


def test_a_function_that_breaks_off_when_everything_stops_does_not_count_as_failed(make_box: MakeBox) -> None:
    box = make_box([service("f", target="brittle"), kafka_source("f", "t", retry=0)]).up()
    box.publish("t", ("1", "k", {"until": "go"}))
    until(lambda: box.record("brittle", "start"))
    assert box.down() == 0
    assert box.pending() == 1
    (box.data / "go").touch()
    box.up()
    until(lambda: box.record("brittle", "end") and box.pending() == 0)


def test_two_runners_on_one_database_deliver_each_event_once_and_one_takes_over_from_a_killed_one(
    make_box: MakeBox,
) -> None:
    resources = [service("f"), service("g"), kafka_source("f", "t"), kafka_source("g", "t")]
    boxes = [make_box(resources).up(), make_box(resources).up()]
    first = [(f"first-{number}", "k", {"sleep": 0.02}) for number in range(30)]

    def holders() -> Counter[str]:
        return Counter(one["group"] for box in boxes for one in box.status()["sources"] if one["here"])

    until(lambda: holders() == {"f": 1, "g": 1})  # a runner that is up takes its groups in the background
    boxes[0].publish("t", *first)
    until(lambda: sum(len(box.record(at="end")) for box in boxes) >= 60 and boxes[0].pending() == 0)
    seen = Counter((one["target"], one["id"]) for box in boxes for one in box.record(at="start"))
    assert len(seen) == 60
    tries_that_failed = sum(one["retried"] for box in boxes for one in box.status()["sources"])
    assert sum(seen.values()) == 60 + tries_that_failed, seen
    for target in "fg":
        assert [bool(box.record(target)) for box in boxes].count(True) == 1, "only the one that holds the group"
    boxes[0].kill()
    boxes[1].publish("t", ("second", "k", {}))
    until(lambda: len([one for one in boxes[1].record(at="end") if one["id"] == "second"]) == 2)


def test_a_killed_runner_takes_its_functions_along_and_the_next_clears_up_what_they_started(make_box: MakeBox) -> None:
    box = make_box([service("f")], [route("f")]).up()
    answer = httpx.get(f"{box.url}/f/x?child=1").json()
    box.kill()
    until(lambda: gone(answer["pid"]))
    child = int(answer["body"])
    assert not gone(child), "the kernel knows nothing of it"
    box.up()
    assert gone(child)
    assert list((box.data / "run" / "instances").iterdir()) == []


def test_a_process_that_got_the_number_of_one_of_ours_is_left_alone(make_box: MakeBox) -> None:
    stranger = subprocess.Popen(["sleep", "600"], start_new_session=True)
    try:
        box = make_box([service("f")])
        folder = box.data / "run" / "instances"
        folder.mkdir(parents=True)
        (folder / f"{stranger.pid}.json").write_text(f'{{"pid": {stranger.pid}, "started": 1, "service": "f"}}')
        (folder / "2.json").write_text('{"pid": 2, "sta')
        box.up()
        assert stranger.poll() is None
        assert list(folder.iterdir()) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_ctrl_c_stops_everything(make_box: MakeBox) -> None:
    box = make_box([service("f")], [route("f")]).up()
    pid = httpx.get(f"{box.url}/f/x").json()["pid"]
    assert box.process
    os.kill(box.process.pid, signal.SIGINT)
    assert box.process.wait(30) == 0
    assert gone(pid)


def test_commands_on_a_box_with_a_database_of_its_own_that_is_killed_and_found_again(make_box: MakeBox) -> None:
    box = make_box([service("f"), kafka_source("f", "t")], [route("f")])
    box.settings["DATABASE_URL"] = ""
    arguments = ("up", "--daemon", "--root", str(box.root), "--module", "tests.local.served")
    try:
        up = box.run(*arguments)
        assert up.returncode == 0, up.stderr
        box.url = up.stdout.strip()
        assert httpx.get(f"{box.url}/f/x").status_code == 200
        assert box.url in box.run("status").stdout
        assert "ready" in box.run("ps").stdout
        assert "process" in box.run("logs", "runner").stdout

        database = server_pid(box)
        os.kill(database, signal.SIGKILL)
        until(lambda: server_pid(box) not in (0, database))
        box.database_url = found_url(box)
        until(lambda: box.run("status").returncode == 0)
        box.publish("t", ("1", "k", {}))
        until(lambda: box.record("f", "end"))

        database = server_pid(box)
        os.kill(int((box.data / "run" / "lock").read_text()), signal.SIGKILL)
        until(lambda: box.run("status").returncode == 3)
        assert not gone(database), "the database outlives the runner"
        again = box.run(*arguments)
        assert again.returncode == 0, again.stderr
        assert server_pid(box) == database
    finally:
        down = box.run("down")
    assert down.returncode == 0
    assert down.stdout == "Wadi is down.\n"
    assert gone(database)
    assert box.run("status").returncode == 3
    assert box.run("ps").returncode == 3
    assert box.run("down").returncode == 0


def server_pid(box: Box) -> int:
    try:
        return int((box.data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return 0


def found_url(box: Box) -> str:
    from local import postgres

    server = postgres.running(box.data)
    assert server
    return server.url
