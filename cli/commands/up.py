"""wadi up"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "start the platform on this machine"


def arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.paths import running_url
    from cli.platform import start

    there = running_url()
    if there is None:
        start()
    url = there or running_url()
    if session.out.json:
        session.out.emit({"up": True, "url": url})
    else:
        session.out.say(f"The platform {'is up already' if there else 'is up'}, at {url}. Stop it with: wadi down")
    return Exit.OK
