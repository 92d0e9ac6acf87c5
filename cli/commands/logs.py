"""wadi logs [SERVICE]"""

import argparse

from cli.exits import Exit
from cli.numbers import whole_number
from cli.session import Session

HELP = "show what the platform and its functions log"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "service", nargs="?", metavar="SERVICE", help="only of this one: runner, postgres or a function's"
    )
    parser.add_argument("--follow", "-f", action="store_true", help="stay, and show lines as they come")
    parser.add_argument("--lines", "-n", type=whole_number, default=50, metavar="N", help="the last N of each (50)")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.platform import run_at_the_terminal

    service = [args.service] if args.service else []
    follow = ["--follow"] if args.follow else []
    return run_at_the_terminal("logs", *service, *follow, "--lines", str(args.lines))
