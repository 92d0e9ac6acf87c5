"""wadi videos delete VIDEO …"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "delete videos, with their messages and all copies; there is no way back"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("videos", nargs="+", metavar="VIDEO", help="a video's id or link")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.names import video_id

    for name in [video_id(each) for each in args.videos]:
        session.api.delete(f"/api/videos/{name}")
        if session.out.json:
            session.out.emit({"id": name, "deleted": True})
        else:
            session.out.say(f"Deleted {name}.")
    return Exit.OK
