"""wadi db migrate|status"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "migrate the platform's database, or tell what is missing (where the platform runs, or with DATABASE_URL)"


def arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, help_ in (
        ("migrate", "apply what is missing; several at once wait for one another"),
        ("status", "list migrations; exit code 1 unless all are applied as they are here"),
    ):
        below = commands.add_parser(name, help=help_, description=help_)
        below.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.errors import CliError, Unreachable
    from cli.platform import database_url
    from shared.config import ConfigError
    from shared.db.migrate import migrate, status

    try:
        found = status(database_url())
    except ConfigError as error:
        raise Unreachable(str(error)) from None
    if args.subcommand == "migrate":
        try:
            applied = migrate(database_url())
        except ConfigError as error:
            raise CliError(str(error)) from None
        for name in applied:
            session.out.emit({"applied": name}) if session.out.json else session.out.say(f"applied {name}")
        if not applied and not session.out.json:
            session.out.say(f"Nothing to do: all {len(found)} migrations are applied.")
        return Exit.OK
    rows = [[one.name, one.state, f"{one.applied_at:%Y-%m-%d %H:%M:%S}" if one.applied_at else ""] for one in found]
    if session.out.json:
        for name, state, at in rows:
            session.out.emit({"migration": name, "state": state, "applied_at": at or None})
    else:
        session.out.table(["migration", "state", "applied"], rows)
    return Exit.OK if all(one.state == "applied" for one in found) else Exit.FAILED
