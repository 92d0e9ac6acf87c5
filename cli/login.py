"""Asking for an address and a password, and keeping what the platform gives for them."""

import argparse
import getpass
import os
import sys
from typing import Any

from cli.errors import CliError
from cli.exits import Exit
from cli.session import Session


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("email", nargs="?", metavar="EMAIL", help="your e-mail address; asked for when left out")
    parser.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of standard input"
    )


def email_of(args: argparse.Namespace) -> str:
    return str(args.email) if args.email else _ask("E-mail: ")


def password_of(args: argparse.Namespace, *, new: bool) -> str:
    """From standard input, from WADI_PASSWORD, or typed. Never from the command line, which every user can see."""
    if args.password_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if given := os.environ.get("WADI_PASSWORD"):
        return given
    password = _ask("Password: ", secret=True)
    if new and _ask("The same again: ", secret=True) != password:
        raise CliError("The two passwords differ.", Exit.USAGE)
    return password


def _ask(prompt: str, *, secret: bool = False) -> str:
    if not sys.stdin.isatty():
        raise CliError(
            f"{prompt.rstrip(': ')} is needed, and there is no terminal to ask at.",
            Exit.USAGE,
            hint="Give EMAIL on the command line and the password by --password-stdin or WADI_PASSWORD.",
        )
    try:
        if secret:
            return getpass.getpass(prompt)
        print(prompt, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
    except EOFError:
        line = ""
    if not line:
        raise CliError("Nothing was entered.", Exit.USAGE)
    return line.strip()


def keep_login(session: Session, path: str, body: dict[str, Any]) -> Exit:
    """Posts to register or login and stores the tokens."""
    from cli.credentials import Login
    from cli.model import Tokens

    login = Login.of(session.api.post(path, Tokens, body, login=False))
    session.credentials.put(session.server, login)
    if session.out.json:
        session.out.emit(login.user)
    else:
        session.out.say(f"Logged in to {session.server} as {login.user.email}.")
    return Exit.OK
