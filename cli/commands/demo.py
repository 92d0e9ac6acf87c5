"""wadi demo [FILE]"""

import argparse
from pathlib import Path

from cli.errors import CliError
from cli.exits import Exit
from cli.numbers import seconds
from cli.session import Session

HELP = "see it all: start the platform, upload a video, watch it become playable"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", help="your own video; left out, a sample clip is made")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="give up watching after S seconds")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.demo import demo
    from cli.paths import data_dir

    own = data_dir() / "demo"
    session = Session(session.out, session.given_server, own / "credentials.json", own / "uploads")
    try:
        return demo(session, Path(args.file) if args.file else None, args.timeout)
    except CliError as error:
        if session.out.json:
            from cli.result import no_result

            session.out.emit(no_result(args.file, error))
        raise
