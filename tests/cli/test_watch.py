"""The stream of states and what is shown of it."""

import io

import msgspec
import pytest

from cli.exits import Exit
from cli.model import RungStatus, Status
from cli.stages import in_order, picture, steps
from cli.upload.show import size
from cli.watch import server_sent_events
from tests.cli.part_server import PartServer
from tests.cli.runs import User

VIDEO = "01900000-0000-7000-8000-000000000000"


def test_events_of_a_stream() -> None:
    lines = [": hello", ""]
    lines += ["event: status", 'data: {"a":1}', ""]
    lines += ["event: status", "data: one", "data:two", ""]
    lines += ["data: plain", "", "event: cut", "data: x"]
    assert list(server_sent_events(iter(lines))) == [
        ("", ""),
        ("status", '{"a":1}'),
        ("status", "one\ntwo"),
        ("message", "plain"),
    ]


def test_steps_of_a_video_on_its_way() -> None:
    sounds = [RungStatus("audio-2", 0, 6), RungStatus("audio", 0, 6)]
    rungs = [RungStatus("360p", 2, 6, 1), *sounds, RungStatus("1080p", 1, 6)]
    status = Status("v", "playable", renditions=rungs, playable_after_s=2.14)
    assert steps(status) == [
        (True, "uploaded"),
        (True, "planned: 6 segments x 2 rungs"),
        (True, "playable after 2.1 s"),
        (False, "ready after …"),
        (False, "indexed: the search finds it"),
    ]
    assert [rung.name for rung in in_order(rungs)] == ["1080p", "360p", "audio", "audio-2"]


@pytest.mark.parametrize(
    ("rungs", "words"), [([], ["uploaded"]), ([RungStatus("360p", 0, 2)], ["uploaded", "planned: 2 segments x 1 rung"])]
)
def test_steps_of_a_failed_video(rungs: list[RungStatus], words: list[str]) -> None:
    status = Status("v", "failed", reason="It has no picture.", renditions=rungs)
    assert steps(status) == [*((True, word) for word in words), (True, "failed: It has no picture.")]


def test_damage_and_a_source_that_is_kept_are_told_on_a_screen_and_in_a_pipe(server: PartServer, user: User) -> None:
    from rich.console import Console

    damage = {"length_s": 300, "tracks": [], "message": "12 s of 300 s of the picture could not be decoded."}
    said = {"damage": damage, "source_kept": "The uploaded file is kept."}
    told = ["12 s of 300 s of the picture could not be decoded.", "The uploaded file is kept."]
    server.states = [{"id": VIDEO, "state": "ready", "indexed": True, "ready_after_s": 3, **said}]
    ended = user.wadi("status", VIDEO, "--watch")
    assert ended.code == Exit.OK, ended.err
    assert [line.strip() for line in ended.out.splitlines() if line.strip() in told] == told
    console = Console(file=io.StringIO(), width=100)
    console.print(picture(msgspec.convert({"id": VIDEO, "state": "ready", **said}, Status)))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(f" ! {text}" in shown for text in told)


def test_a_reason_cannot_steer_the_terminal() -> None:
    from rich.console import Console

    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    console.print(picture(Status("v", "failed", reason="bad\x1b]0;title\x07 [red]name[/red]")))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "\x1b]0" not in shown
    assert "[red]name[/red]" in shown


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (3_200_000, "3.2 MB"), (10**14, "100.0 TB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


def test_where_there_is_no_stream_we_ask(server: PartServer, user: User) -> None:
    server.states = [{"id": VIDEO, "state": state} for state in ("uploaded", "planned")]
    server.states += [{"id": VIDEO, "state": "ready", "indexed": True, "ready_after_s": 3}]
    ended = user.wadi("status", VIDEO, "--watch")
    assert ended.code == Exit.OK, ended.err
    assert [line.strip() for line in ended.out.splitlines()][1:4] == [
        "uploaded",
        "planned: 0 segments x 0 rungs",
        "ready after 3.0 s",
    ]


def test_a_stream_on_which_nothing_happens_is_left_in_time(server: PartServer, user: User) -> None:
    server.states = [{"id": VIDEO, "state": "planned"}]
    server.is_silent = True
    ended = user.wadi("status", VIDEO, "--watch", "--json", "--timeout", "1")
    assert ended.code == Exit.TIMED_OUT
    assert ended.objects[-1]["state"] == "planned"
