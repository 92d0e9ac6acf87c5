"""wadi scrub"""

import argparse
import time

from cli.exits import Exit
from cli.numbers import seconds
from cli.session import Session

HELP = "how far the comparison of all stored bytes with their checksums is, and what it found"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--start", action="store_true", help="compare everything now, whenever that was done last")
    parser.add_argument("--wait", action="store_true", help="stay until nothing is due any more")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="with --wait: give up after S seconds")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.errors import CliError
    from cli.model import ScrubStatus
    from cli.upload.show import size

    if args.start:
        session.api.ask("/api/storage/scrub")
    deadline = time.monotonic() + args.timeout if args.timeout else None
    while (status := session.api.get("/api/storage/scrub", ScrubStatus)).due and args.wait:
        if deadline is not None and time.monotonic() > deadline:
            raise CliError(f"{status.due} replicas are still to be checked.", Exit.TIMED_OUT)
        time.sleep(0.5)
    if session.out.json:
        session.out.emit(status)
    else:
        session.out.say(f"{status.due} replicas ({size(status.due_bytes)}) are due.")
        session.out.say(f"{status.checked} checked so far: {status.damaged} damaged, {status.repaired} repaired.")
        session.out.say(f"{status.lost_count} objects are lost.")
        for each in status.lost:
            session.out.say(f"  {each.key}: {each.reason}")
    return Exit.FAILED if status.lost_count else Exit.OK
