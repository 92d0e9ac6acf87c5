"""wadi down"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "stop the platform on this machine; what it stores stays"


def arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.platform import stop

    said = stop()
    if session.out.json:
        session.out.emit({"up": False})
    else:
        session.out.say(said)
    return Exit.OK
