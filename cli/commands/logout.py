"""wadi logout"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "end the login on this machine"


def arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.errors import CliError

    login = session.credentials.remove(session.server)
    if login is None:
        session.out.note(f"You were not logged in to {session.server}.")
        return Exit.OK
    try:
        session.api.post("/api/auth/logout", dict, {"refresh_token": login.refresh_token}, login=False)
    except CliError as error:
        session.out.note(f"Forgotten here, but the platform could not be told: {error.message}")
    if session.out.json:
        session.out.emit({"server": session.server, "logged_in": False})
    else:
        session.out.say(f"Logged out of {session.server}.")
    return Exit.OK
