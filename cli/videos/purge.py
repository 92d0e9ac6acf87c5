"""wadi videos purge [VIDEO]"""

import argparse
from typing import Any

from cli.exits import Exit
from cli.session import Session

HELP = "remove what is left of deleted videos, and prove that nothing is"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", nargs="?", metavar="VIDEO", help="the id of one that was deleted (all of them)")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.model import Purged
    from cli.names import video_id

    body: dict[str, Any] = {"id": video_id(args.video)} if args.video else {}
    looked = left = 0
    while True:
        found = session.api.post("/api/videos/purge", Purged, body)
        looked, left = looked + len(found.videos), left + len(found.left)
        for each in found.left:
            if session.out.json:
                session.out.emit(each)
            else:
                session.out.say(f"- {each.video_id}  {each.where}: {each.what}")
        if found.next is None:
            break
        body = {"after": found.next}
    if session.out.json:
        session.out.emit({"videos": looked, "left": left})
    elif left:
        session.out.say(f"Something is left of {looked} deleted videos, as said above.")
    else:
        session.out.say(f"Nothing is left of {looked} deleted videos: not in a table, nor in the index, nor on a node.")
    return Exit.FAILED if left else Exit.OK
