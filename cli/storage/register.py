"""wadi storage register"""

import argparse
import os

from cli.exits import Exit
from cli.session import Session

HELP = "make nodes of the locations that the settings name; a node that was restored elsewhere is found by its own name"


def arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(args: argparse.Namespace, session: Session) -> Exit:
    """It works on the database: where a backup was restored under other names, no function finds any object before."""
    import psycopg2

    from cli.errors import CliError, Unreachable
    from cli.platform import database_url
    from shared.config import ConfigError
    from shared.db import transaction
    from shared.errors import Unavailable
    from shared.storage.nodes.nodes import load
    from shared.storage.nodes.register import register
    from shared.storage.nodes.state import NodeState

    try:
        os.environ["DATABASE_URL"] = database_url()
        with transaction() as tx:
            register(tx)
        with transaction() as tx:
            found = [node for node in load(tx) if node.state is not NodeState.REMOVED]
    except ConfigError as error:
        raise CliError(str(error), Exit.USAGE) from None
    except (Unavailable, psycopg2.OperationalError) as error:
        raise Unreachable(" ".join(str(error).split())) from None
    if session.out.json:
        for node in found:
            session.out.emit({"id": node.id, "location": node.location, "state": node.state})
    else:
        session.out.table(["node", "location", "state"], [[node.id, node.location, node.state] for node in found])
    return Exit.OK
