"""wadi whoami"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "who is logged in, as the platform sees it"


def arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.model import User

    session.api.token(required=True)
    user = session.api.get("/api/auth/me", User)
    if session.out.json:
        session.out.emit(user)
    else:
        session.out.say(f"{user.email} ({user.role or 'no role'}) at {session.server}")
    return Exit.OK
