"""wadi users role EMAIL ROLE"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "give an account a role, such as ADMIN (where the platform runs, or with DATABASE_URL)"


def arguments(parser: argparse.ArgumentParser) -> None:
    from shared.identity.roles import Role

    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    help_ = "change the role of an account; it counts from the next login on"
    role = commands.add_parser("role", help=help_, description=help_)
    role.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    role.add_argument("email", metavar="EMAIL")
    role.add_argument("role", type=str.upper, choices=[role.value for role in Role], metavar="ROLE")


def run(args: argparse.Namespace, session: Session) -> Exit:
    """It works on the database, since whoever may write there is the platform's owner: there is no other first
    administrator."""
    from contextlib import closing

    import psycopg2

    from cli.errors import CliError, Unreachable
    from cli.platform import database_url
    from shared.db import Transaction
    from shared.identity.accounts import set_role
    from shared.identity.roles import Role

    email = args.email.strip().lower()
    try:
        with closing(psycopg2.connect(database_url(), connect_timeout=5, application_name="wadi users")) as db, db:
            found = set_role(Transaction(db, "wadi users"), email, Role(args.role))
    except psycopg2.OperationalError as error:
        raise Unreachable(f"The platform's database does not answer: {str(error).strip().splitlines()[0]}") from None
    if not found:
        raise CliError(f"There is no account of {email}.", hint="They register with: wadi register EMAIL")
    if session.out.json:
        session.out.emit({"email": email, "role": args.role})
    else:
        session.out.say(f"{email} is {args.role} from the next login on.")
    return Exit.OK
