"""wadi register [EMAIL]"""

import argparse

from cli import login
from cli.exits import Exit
from cli.session import Session

HELP = "make an account and log in"


def arguments(parser: argparse.ArgumentParser) -> None:
    login.arguments(parser)
    parser.add_argument("--name", help="how others see you")


def run(args: argparse.Namespace, session: Session) -> Exit:
    body = {"email": login.email_of(args), "password": login.password_of(args, new=True)}
    if args.name:
        body["name"] = args.name
    return login.keep_login(session, "/api/auth/register", body)
