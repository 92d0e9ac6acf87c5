"""From a command line to a command, and from any end to an exit code."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from cli.errors import LOGIN_HINT, CliError, ServerProblem
from cli.exits import MEANING, Exit
from cli.output import Output
from cli.session import Session
from cli.version import version

# The platform on this machine, then the account, then the videos, in the order of the help.
COMMANDS = (
    *("demo", "up", "down", "ps", "logs"),
    *("register", "login", "logout", "whoami"),
    *("upload", "status", "videos", "search", "retry"),
    *("events", "topics"),
    *("storage", "nodes", "scrub"),
    *("reindex", "db", "users"),
)


def main(arguments: Sequence[str]) -> int:
    args = parser().parse_args(arguments)
    color = not args.no_color and not os.environ.get("NO_COLOR")
    out = Output(json=args.json, color=color)
    command = _module(args.command)
    try:
        return int(command.run(args, Session(out, args.server)))
    except CliError as error:
        out.error(error.message, error.hint or _hint(error))
        return int(error.code)
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has seen enough (`wadi videos | head`); nothing is left to be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.FAILED)


def _hint(error: CliError) -> str:
    wrong_password = isinstance(error, ServerProblem) and error.slug == "invalid-credentials"
    return LOGIN_HINT if error.code is Exit.NOT_LOGGED_IN and not wrong_password else ""


def parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANING.items())
    top = argparse.ArgumentParser(
        prog="wadi",
        description="Wadi, a self-hosted video platform.",
        epilog=f"exit codes:\n{codes}\n\nenvironment: WADI_URL, WADI_TOKEN, WADI_PASSWORD, WADI_DATA, NO_COLOR",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[_common(first=True)],
    )
    top.add_argument("--version", action=_Version, nargs=0, help="which Wadi this is, and nothing else")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = _module(name)
        module.arguments(
            commands.add_parser(name, help=module.HELP, description=module.HELP, parents=[_common(first=False)])
        )
    return top


class _Version(argparse.Action):
    """argparse's own wants the version before it is asked for, and every command would read pyproject.toml."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        print(f"wadi {version()}")
        parser.exit()


def _common(*, first: bool) -> argparse.ArgumentParser:
    """Options that may stand before the command or after it; after it, they must not reset what stood before."""

    def default(value: object) -> object:
        return value if first else argparse.SUPPRESS

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--json", action="store_true", default=default(False), help="one JSON object a line, and nothing else"
    )
    common.add_argument(
        "--server", metavar="URL", default=default(None), help="the platform's address (WADI_URL; this machine)"
    )
    common.add_argument("--no-color", action="store_true", default=default(False), help="no colours (also NO_COLOR)")
    return common


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"cli.commands.{name}")
