"""wadi login [EMAIL]"""

import argparse

from cli import login
from cli.exits import Exit
from cli.session import Session

HELP = "log in"
arguments = login.arguments


def run(args: argparse.Namespace, session: Session) -> Exit:
    body = {"email": login.email_of(args), "password": login.password_of(args, new=False)}
    return login.keep_login(session, "/api/auth/login", body)
