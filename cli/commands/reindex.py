"""wadi reindex"""

import argparse
import os
import time

from cli.exits import Exit
from cli.output import Output
from cli.session import Session

HELP = "make the search index anew while it is in use (where the platform runs, or with DATABASE_URL)"

EVERY = 10_000  # documents are told of


def arguments(parser: argparse.ArgumentParser) -> None:
    pass


def run(args: argparse.Namespace, session: Session) -> Exit:
    import psycopg2

    from cli.errors import CliError, Unreachable
    from cli.platform import database_url
    from shared.config import ConfigError
    from shared.errors import LeaseLost, Unavailable
    from shared.search.builder import RebuildUnderWay
    from shared.search.rebuild import rebuild

    began = time.monotonic()

    try:
        os.environ["DATABASE_URL"] = database_url()  # what a rebuild reads from, also where the platform started it
        done = rebuild(_Progress(session.out))
    except (ConfigError, Unavailable, psycopg2.OperationalError) as error:
        raise Unreachable(" ".join(str(error).split())) from None
    except RebuildUnderWay as error:
        raise CliError(str(error), Exit.REFUSED) from None
    except LeaseLost as error:
        raise CliError(str(error)) from None
    seconds = time.monotonic() - began
    if session.out.json:
        session.out.emit({"documents": done.documents, "index": done.name, "seconds": round(seconds, 3)})
    else:
        session.out.say(f"{done.documents} documents in {seconds:.1f} s; the index is now {done.name}.")
    return Exit.OK


class _Progress:
    def __init__(self, out: Output) -> None:
        self._out = out
        self._told = 0

    def __call__(self, documents: int) -> None:
        if documents - self._told >= EVERY:
            self._told = documents
            self._out.note(f"{documents} documents …")
