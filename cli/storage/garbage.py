"""wadi storage garbage"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "what belongs to no video, and when it is removed"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=200, metavar="N", help="show so many (200)")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.model import GarbageList
    from cli.upload.show import size

    found = session.api.get("/api/storage/garbage", GarbageList, limit=args.limit)
    if session.out.json:
        for each in found.garbage:
            session.out.emit(each)
        return Exit.OK
    if found.total:
        session.out.table(
            ["node", "key", "upload", "size", "removed at"],
            [[each.node_id, each.key, each.upload or "-", size(each.size), each.due_at] for each in found.garbage],
        )
    session.out.say(f"{found.total} things, {size(found.total_bytes)}. collect-garbage looks for more each night.")
    return Exit.OK
