"""wadi storage …: each subcommand is a file of cli/storage/."""

import argparse
import importlib
from types import ModuleType

from cli.exits import Exit
from cli.session import Session

HELP = "what the objects are stored in"
SUBCOMMANDS = ("init", "register", "garbage", "report")


def arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name in SUBCOMMANDS:
        module = _module(name)
        below = commands.add_parser(name, help=module.HELP, description=module.HELP)
        below.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        module.arguments(below)


def run(args: argparse.Namespace, session: Session) -> Exit:
    return Exit(_module(args.subcommand).run(args, session))


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"cli.storage.{name}")
