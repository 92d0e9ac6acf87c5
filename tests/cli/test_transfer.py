"""The upload over connections that break, and by clients that are stopped and started again."""

import asyncio
import json
import os
import shutil
import signal
import threading
from base64 import urlsafe_b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from tests.cli.breaking_proxy import BreakingProxy
from tests.cli.part_server import PART, PartServer, problem
from tests.cli.runs import User

PARTS = 11


def upload(user: User, file: Path, *more: str) -> tuple[int, list[dict[str, object]], str]:
    ended = user.wadi("upload", str(file), "--json", "--patience", "20", *more)
    return ended.code, ended.objects, ended.err


def notes(user: User) -> list[Path]:
    return list((user.home / "state/wadi/uploads").glob("*.json"))


def test_a_file_arrives_byte_for_byte(server: PartServer, user: User, movie: Path) -> None:
    code, objects, err = upload(user, movie, "--title", "A movie", "--private")
    assert (code, err) == (0, "")
    assert [each["id"] for each in objects] == ["v-u1"]
    assert server.content("u1") == movie.read_bytes()
    assert server.uploads["u1"] == {
        "name": "movie.mp4",
        "size": movie.stat().st_size,
        "type": "video/mp4",
        "title": "A movie",
        "visibility": "private",
    }
    assert server.puts.total() == PARTS
    assert notes(user) == []


def test_four_parts_travel_at_once(server: PartServer, user: User, movie: Path) -> None:
    inside: set[int] = set()
    most = 0
    four = asyncio.Event()

    async def hold(server: PartServer, request: web.Request, number: int) -> None:
        nonlocal most
        inside.add(number)
        most = max(most, len(inside))
        if most == 4:
            four.set()
        await asyncio.wait_for(four.wait(), 20)
        inside.discard(number)

    server.fault = hold
    assert upload(user, movie)[0] == 0
    assert most == 4


def test_connections_cut_in_mid_part_are_tried_again(server: PartServer, user: User, movie: Path) -> None:
    cut: set[int] = set()

    async def cut_once(server: PartServer, request: web.Request, number: int) -> web.StreamResponse | None:
        if number in cut or number % 2:
            return None
        cut.add(number)
        await request.content.read(1000)
        assert request.transport
        request.transport.abort()
        return web.Response()

    server.fault = cut_once
    assert upload(user, movie)[0] == 0
    assert cut == {2, 4, 6, 8, 10}
    assert server.content("u1") == movie.read_bytes()


def test_a_busy_server_is_waited_for(server: PartServer, user: User, movie: Path) -> None:
    async def busy_twice(server: PartServer, request: web.Request, number: int) -> web.StreamResponse | None:
        return problem(503, "unavailable") if server.puts[number] <= 2 and number < 4 else None

    server.fault = busy_twice
    assert upload(user, movie)[0] == 0
    assert server.puts[1] == 3
    assert server.content("u1") == movie.read_bytes()


def test_a_part_that_arrived_damaged_is_sent_again(server: PartServer, user: User, movie: Path) -> None:
    async def damaged_once(server: PartServer, request: web.Request, number: int) -> web.StreamResponse | None:
        return problem(400, "checksum-mismatch") if server.puts[number] == 1 else None

    server.fault = damaged_once
    assert upload(user, movie)[0] == 0
    assert server.puts.total() == 2 * PARTS


def test_an_expired_url_is_renewed(server: PartServer, user: User, movie: Path) -> None:
    async def expire_once(server: PartServer, request: web.Request, number: int) -> None:
        if number == 5:
            server.signature = "2"

    server.fault = expire_once
    assert upload(user, movie)[0] == 0
    assert server.content("u1") == movie.read_bytes()


def test_a_full_disk_ends_the_upload(server: PartServer, user: User, movie: Path) -> None:
    async def full(server: PartServer, request: web.Request, number: int) -> web.StreamResponse | None:
        return problem(507, "storage-full") if number == 3 else None

    server.fault = full
    code, objects, err = upload(user, movie)
    assert code == 1
    assert "storage-full" in err
    assert objects[-1]["state"] == "failed"
    assert server.puts[3] == 1


def test_a_restart_of_the_server_is_survived(server: PartServer, gate: BreakingProxy, user: User, movie: Path) -> None:
    restarted = threading.Event()

    def restart() -> None:
        gate.shut()
        gate.open()
        restarted.set()

    def at_the_sixth(number: int) -> None:
        if number == 6 and server.puts[6] == 1:
            threading.Thread(target=restart).start()

    server.on_put = at_the_sixth
    assert upload(user, movie)[0] == 0
    assert restarted.is_set()
    assert server.content("u1") == movie.read_bytes()


def test_a_dead_server_is_given_up_and_gone_on_with_later(
    server: PartServer, gate: BreakingProxy, user: User, movie: Path
) -> None:
    dying = threading.Thread(target=gate.shut)

    def die(number: int) -> None:
        if number == 6 and server.puts[6] == 1:
            dying.start()

    server.on_put = die
    code, objects, err = upload(user, movie, "--patience", "1")
    assert code == 5
    assert "Nothing answers" in str(objects[-1]["reason"])
    assert "run the same command again" in err
    dying.join(20)
    server.let_go()
    server.on_put = lambda number: None
    gate.open()
    before = len(server.parts["u1"])
    server.puts.clear()
    assert upload(user, movie)[0] == 0
    assert server.puts.total() == PARTS - before
    assert list(server.uploads) == ["u1"]
    assert server.content("u1") == movie.read_bytes()


def stopped_in_the_middle(
    server: PartServer, user: User, movie: Path, how: signal.Signals, *more: str
) -> tuple[int, str]:
    """Sends a signal to the client while parts 7 and later are on their way, and waits for its end."""
    held = threading.Event()

    async def hold(server: PartServer, request: web.Request, number: int) -> None:
        if number >= 7 and not held.is_set():
            reached.set()
            await asyncio.to_thread(held.wait, 60)

    reached = threading.Event()
    server.fault = hold
    with user.start("upload", str(movie), *more) as client:
        assert reached.wait(60)
        os.kill(client.pid, how)
        _, err = client.communicate(timeout=60)
    held.set()
    server.fault = None
    server.let_go()
    return client.returncode, err


def test_a_killed_client_goes_on_with_the_missing_parts(server: PartServer, user: User, movie: Path) -> None:
    code, _ = stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    assert code == -signal.SIGKILL
    there = set(server.parts["u1"])
    assert len(there) >= 3
    server.puts.clear()
    assert upload(user, movie)[0] == 0
    assert list(server.uploads) == ["u1"]
    assert not there & set(server.puts)
    assert server.content("u1") == movie.read_bytes()


def test_ctrl_c_says_how_to_go_on(server: PartServer, user: User, movie: Path) -> None:
    code, err = stopped_in_the_middle(server, user, movie, signal.SIGINT)
    assert code == 130
    assert "Run the same command again" in err
    assert "Traceback" not in err
    assert len(notes(user)) == 1
    assert upload(user, movie)[0] == 0
    assert list(server.uploads) == ["u1"]
    assert server.content("u1") == movie.read_bytes()


def test_a_file_that_changed_between_two_tries_is_another_file(server: PartServer, user: User, movie: Path) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    movie.write_bytes(b"x" * PART)
    assert upload(user, movie)[0] == 0
    assert server.content("u2") == b"x" * PART


def words(server: PartServer, upload: str) -> tuple[str, str]:
    """The title and the visibility that the server has heard last."""
    said = server.uploads[upload]
    return str(said.get("title", "")), str(said.get("visibility", "public"))


ASKED = {
    (): ("", "public"),
    ("--title", "Ours"): ("Ours", "public"),
    ("--private",): ("", "private"),
    ("--title", "Others", "--private"): ("Others", "private"),
}


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ((), ("--title", "Others", "--private")),
        (("--title", "Ours"), ()),
        (("--private",), ("--title", "Ours")),
        (("--title", "Others", "--private"), ("--private",)),
    ],
)
def test_what_is_asked_now_holds(
    server: PartServer, user: User, movie: Path, before: tuple[str, ...], now: tuple[str, ...]
) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL, *before)
    assert words(server, "u1") == ASKED[before]
    heard_before: list[tuple[str, str]] = []
    server.on_put = lambda number: heard_before.append(words(server, "u1"))
    assert upload(user, movie, *now)[0] == 0
    assert list(server.uploads) == ["u1"]
    assert set(heard_before) == {ASKED[now]}
    assert server.content("u1") == movie.read_bytes()


def test_what_is_asked_now_holds_for_an_upload_that_is_complete(server: PartServer, user: User, movie: Path) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL, "--title", "Ours")
    server.completed.add("u1")
    code, objects, _ = upload(user, movie, "--private")
    assert (code, objects[-1]["id"]) == (0, "v-u1")
    assert words(server, "u1") == ("", "private")


def test_words_that_were_perhaps_not_heard_are_said_again(
    server: PartServer, gate: BreakingProxy, user: User, movie: Path
) -> None:
    """The second command dies between the change at the server and its answer; the third asks what the first did."""
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    heard, answered = threading.Event(), threading.Event()

    async def hold() -> None:
        heard.set()
        await asyncio.to_thread(answered.wait, 60)

    server.on_update = hold
    with user.start("upload", str(movie), "--private") as client:
        assert heard.wait(60)
        client.kill()
        client.communicate(timeout=60)
    answered.set()
    assert words(server, "u1") == ("", "private")
    assert upload(user, movie)[0] == 0
    assert words(server, "u1") == ("", "public")


def test_a_video_that_was_deleted_meanwhile_begins_anew(server: PartServer, user: User, movie: Path) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    server.deleted.add("u1")
    assert upload(user, movie, "--private")[0] == 0
    assert words(server, "u2") == ("", "private")
    assert server.content("u2") == movie.read_bytes()


@pytest.mark.parametrize("is_complete", [False, True])
def test_the_upload_of_another_account_is_left_alone(
    server: PartServer, user: User, movie: Path, is_complete: bool
) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    if is_complete:
        server.completed.add("u1")
    other = replace(user, extra={"WADI_TOKEN": "good as well"})
    code, objects, _ = upload(other, movie)
    assert (code, objects[-1]["id"]) == (0, "v-u2")
    assert server.owners["u2"] == "Bearer good as well"
    assert len(notes(user)) == 1
    server.completed.discard("u1")
    assert upload(user, movie)[1][-1]["id"] == "v-u1"


def test_another_token_of_the_same_account_goes_on(server: PartServer, user: User, movie: Path) -> None:
    """A job gets a new token each time it runs."""
    tokens = [
        f"good.{urlsafe_b64encode(claims).decode().rstrip('=')}.x" for claims in (b'{"sub":"1"}', b'{ "sub":"1"}')
    ]
    first, second = (replace(user, extra={"WADI_TOKEN": token}) for token in tokens)
    stopped_in_the_middle(server, first, movie, signal.SIGKILL)
    assert upload(second, movie)[0] == 0
    assert list(server.uploads) == ["u1"]


def changed_in_secret(movie: Path) -> None:
    """Other bytes in the second part, and the size and time that there were before."""
    found = movie.stat()
    with movie.open("r+b") as handle:
        handle.seek(PART + 7)
        handle.write(b"other bytes")
    os.utime(movie, ns=(found.st_atime_ns, found.st_mtime_ns))


def test_a_file_that_changed_in_secret_is_sent_as_it_is_now(server: PartServer, user: User, movie: Path) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    there = set(server.parts["u1"])
    assert 2 in there
    changed_in_secret(movie)
    server.puts.clear()
    assert upload(user, movie)[0] == 0
    assert server.content("u1") == movie.read_bytes()
    assert server.puts[2] == 1
    assert not (there - {2}) & set(server.puts)


def test_a_changed_file_is_not_taken_for_one_that_was_uploaded(server: PartServer, user: User, movie: Path) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    server.completed.add("u1")
    changed_in_secret(movie)
    assert upload(user, movie)[1][-1]["id"] == "v-u2"
    assert server.content("u2") == movie.read_bytes()


@pytest.mark.parametrize("how", ["the same path", "a link to its directory", "a relative path"])
def test_two_at_once_do_not_send_one_upload(server: PartServer, user: User, movie: Path, how: str) -> None:
    (user.home / "link").symlink_to(movie.parent)
    again = {
        "the same path": str(movie),
        "a link to its directory": str(user.home / "link" / movie.name),
        "a relative path": os.path.relpath(movie, user.home),
    }[how]
    held, reached = threading.Event(), threading.Event()

    async def hold(server: PartServer, request: web.Request, number: int) -> None:
        reached.set()
        await asyncio.to_thread(held.wait, 60)

    server.fault = hold
    with user.start("upload", str(movie), "--title", "Ours", "--json") as client:
        assert reached.wait(60)
        second = user.wadi("upload", again, "--title", "Others", "--private", "--json")
        assert second.code == 1
        assert "is being uploaded by another wadi" in second.err
        held.set()
        out, _ = client.communicate(timeout=60)
    assert client.returncode == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["v-u1"]
    assert words(server, "u1") == ("Ours", "public")
    assert server.content("u1") == movie.read_bytes()
    assert notes(user) == []


def test_another_name_or_place_of_the_same_bytes_is_another_video(server: PartServer, user: User, movie: Path) -> None:
    """A hard link, a link by another name, a copy elsewhere of the same name and time, while the first one lasts."""
    names = [movie.with_name("hard.mp4"), movie.with_name("soft.mp4"), movie.parent / "copies" / movie.name]
    names[0].hardlink_to(movie)
    names[1].symlink_to(movie)
    names[2].parent.mkdir()
    shutil.copy2(movie, names[2])
    held, reached = threading.Event(), threading.Event()

    async def hold(server: PartServer, request: web.Request, number: int) -> None:
        if request.match_info["id"] == "u1":
            reached.set()
            await asyncio.to_thread(held.wait, 60)

    server.fault = hold
    with user.start("upload", str(movie)) as client:
        assert reached.wait(60)
        assert [upload(user, name)[1][-1]["id"] for name in names] == ["v-u2", "v-u3", "v-u4"]
        held.set()
        client.communicate(timeout=60)
    assert [said["name"] for said in server.uploads.values()] == ["movie.mp4", "hard.mp4", "soft.mp4", "movie.mp4"]
    assert {server.content(each) for each in server.uploads} == {movie.read_bytes()}


def test_one_file_twice_in_one_command_is_two_videos(server: PartServer, user: User, movie: Path) -> None:
    ended = user.wadi("upload", str(movie), str(movie), "--json")
    assert [each["id"] for each in ended.objects] == ["v-u1", "v-u2"]
    assert server.content("u1") == server.content("u2") == movie.read_bytes()
    assert notes(user) == []


def test_half_a_note_is_none(server: PartServer, user: User, movie: Path) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    (note,) = notes(user)
    note.write_bytes(note.read_bytes()[:20])
    assert upload(user, movie)[0] == 0
    assert server.content("u2") == movie.read_bytes()
    assert notes(user) == []


def test_a_file_that_changes_during_the_upload_is_refused(server: PartServer, user: User, movie: Path) -> None:
    def grow(number: int) -> None:
        if number == 2:
            with movie.open("ab") as handle:
                handle.write(b"more")

    server.on_put = grow
    code, objects, err = upload(user, movie)
    assert code == 1
    assert "changed while it was being uploaded" in err
    assert objects[-1]["id"] is None
    assert server.aborted == ["u1"]
    assert not server.completed
    assert notes(user) == []


def test_an_upload_that_the_server_forgot_begins_anew(server: PartServer, user: User, movie: Path) -> None:
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    server.uploads["u2"] = server.uploads.pop("u1")
    assert upload(user, movie)[0] == 0
    assert server.content("u2") == movie.read_bytes()


def test_a_completion_of_which_nobody_heard_is_not_repeated(server: PartServer, user: User, movie: Path) -> None:
    """kill -9 between the server's 202 and the removal of the note."""
    stopped_in_the_middle(server, user, movie, signal.SIGKILL)
    server.completed.add("u1")
    server.puts.clear()
    code, objects, _ = upload(user, movie)
    assert code == 0
    assert objects[-1]["id"] == "v-u1"
    assert server.puts.total() == 0


def test_parts_that_the_server_lost_are_sent_again(server: PartServer, user: User, movie: Path) -> None:
    lost: list[bytes] = []

    async def lose(server: PartServer, request: web.Request, number: int) -> None:
        if number == PARTS and not lost:
            lost.append(server.parts["u1"].pop(1))

    server.fault = lose
    assert upload(user, movie)[0] == 0
    assert lost
    assert server.content("u1") == movie.read_bytes()
