"""The whole product in one command: start, register, upload, watch, search, play."""

import secrets
import shutil
from pathlib import Path
from typing import Any

import msgspec

from cli.credentials import Login, write_private
from cli.errors import CliError, ServerProblem
from cli.exits import Exit
from cli.follow import print_links, watched
from cli.model import Tokens, Video
from cli.paths import data_dir
from cli.platform import bring_up
from cli.result import exit_of, result
from cli.retrying import GIVE_UP_SECONDS
from cli.session import Session
from cli.upload.send import send
from cli.upload.source import SourceFile


class Account(msgspec.Struct):
    email: str
    password: str


def demo(session: Session, file: Path | None, timeout: float | None) -> Exit:
    """`session` keeps what it has to keep in the data directory: a demo leaves nothing in the user's home."""
    if file:
        SourceFile(file).close()  # a wrong name is told now, not after the platform has started
    bring_up(session)
    path = file or _clip(session)
    _log_in(session)
    video = send(path, session, title=None if file else "Wadi sample clip", private=False, patience=GIVE_UP_SECONDS)
    video, status = watched(session, video, timeout)
    if session.out.json:
        session.out.emit(result(session.api, video, status))
    elif status.state == "ready":
        _say_search(session, video)
        _say_how_to_play(session, video)
    return exit_of(status.state)


def _clip(session: Session) -> Path:
    from cli.clip import SECONDS, sample_clip

    session.out.say(f"sample clip: {SECONDS} s of 1080p (made once; name your own with: ./task demo -- FILE)")
    return sample_clip()


# Account


def _log_in(session: Session) -> None:
    """The demo's own account: the one of an earlier demo when the platform still knows it, else a new one."""
    file = data_dir() / "demo" / "account.json"
    account = _read(file)
    tokens, how = _try(session, "login", account), "logged in"
    if tokens is None:
        tokens, how = _try(session, "register", account), "registered"
    if tokens is None:
        account = Account(f"demo-{secrets.token_hex(4)}@wadi.example", secrets.token_urlsafe(18))
        tokens = session.api.post("/api/auth/register", Tokens, account, login=False)
        write_private(file, msgspec.json.format(msgspec.json.encode(account)))
    session.credentials.put(session.server, Login.of(tokens))
    session.out.say(f"{how} as {tokens.user.email}")


def _read(file: Path) -> Account | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Account)
    except (OSError, msgspec.MsgspecError):
        return None


def _try(session: Session, action: str, account: Account | None) -> Tokens | None:
    """Tokens; None when the platform does not know the account (login) or knows it with another password (register)."""
    if account is None:
        return None
    try:
        return session.api.post(f"/api/auth/{action}", Tokens, account, login=False)
    except ServerProblem as problem:
        if problem.status in (401, 409):
            return None
        raise


# The end


def _say_search(session: Session, video: Video) -> None:
    try:
        found = session.api.get("/api/search", dict[str, Any], q=video.title)["results"]
    except CliError as error:
        session.out.say(f"search: {error.message}")
        return
    hit = any(each.get("video_id") == video.id for each in found)
    session.out.say(f"search for {video.title!r}: {'found' if hit else 'not found yet'}")


def _say_how_to_play(session: Session, video: Video) -> None:
    say = session.out.say
    hls_url = session.api.url(video.hls_url or "")
    say()
    say("It plays at", style="bold")
    print_links(session, video)
    say()
    say("In a browser, open the first link. Elsewhere:", style="bold")
    for player in [name for name in ("ffplay", "mpv", "vlc") if shutil.which(name)] or ["ffplay"]:
        say(f"  {player} {hls_url}")
    say("  VLC: Media > Open Network Stream")
    say()
    say("The platform stays up. Look around: ./wadi videos, ./wadi ps, ./wadi events. Stop it: ./task down")
