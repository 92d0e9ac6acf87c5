"""wadi videos [delete|purge]: without a subcommand a list; each subcommand is a file of cli/videos/."""

import argparse
import importlib
from types import ModuleType
from typing import Any

from cli.exits import Exit
from cli.numbers import whole_number
from cli.session import Session

HELP = "list videos, newest first; delete them; prove that nothing is left of them"
SUBCOMMANDS = ("delete", "purge")
PAGE = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--mine", action="store_true", help="only yours, whatever their state")
    parser.add_argument("--limit", type=whole_number, default=50, metavar="N", help="at most N (50); 0 for all")
    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND")
    for name in SUBCOMMANDS:
        module = _module(name)
        below = commands.add_parser(name, help=module.HELP, description=module.HELP)
        below.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        module.arguments(below)


def run(args: argparse.Namespace, session: Session) -> Exit:
    if args.subcommand:
        return Exit(_module(args.subcommand).run(args, session))
    videos = _videos(session, args.limit, "me" if args.mine else None)
    if session.out.json:
        for video in videos:
            session.out.emit(video)
        return Exit.OK
    if not videos:
        session.out.say("No videos yet. Upload one with: wadi upload FILE --watch")
        return Exit.OK
    session.out.table(["id", "state", "length", "picture", "created", "title"], [_row(video) for video in videos])
    return Exit.OK


def _videos(session: Session, limit: int, owner: str | None) -> list[dict[str, Any]]:
    if owner:
        session.api.token(required=True)
    videos: list[dict[str, Any]] = []
    cursor = None
    while True:
        wanted = min(PAGE, limit - len(videos)) if limit else PAGE
        page = session.api.get("/api/videos", dict[str, Any], limit=wanted, cursor=cursor, owner=owner)
        videos += page["videos"]
        cursor = page.get("next")
        if not cursor or (limit and len(videos) >= limit):
            return videos


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"cli.videos.{name}")


def _row(video: dict[str, Any]) -> list[str]:
    size = f"{video['width']}x{video['height']}" if video.get("width") else ""
    created = str(video.get("created_at") or "")[:16].replace("T", " ")
    return [video["id"], video["state"], _length(video.get("duration_s")), size, created, video["title"]]


def _length(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
