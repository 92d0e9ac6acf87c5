"""wadi topics"""

import argparse

from cli.errors import CliError
from cli.exits import Exit
from cli.session import Session

HELP = "make the topics of the events in Kafka (where KAFKA_BROKERS is set)"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["init"], help="init: make those that are missing; the others stay as is")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from events.topics import TOPICS
    from shared.config import ConfigError
    from shared.outbox.kafka.topics import create
    from shared.outbox.transport import Transport, transport

    if transport() is not Transport.KAFKA:
        raise CliError("KAFKA_BROKERS is not set: topics are tables of the database, and need no making.")
    try:
        found = create(TOPICS)
    except ConfigError as error:
        raise CliError(str(error)) from None
    if session.out.json:
        for each in found:
            session.out.emit(each._asdict())
    else:
        session.out.table(
            ["topic", "partitions", "made now", "note"],
            [[each.name, str(each.partitions), "yes" if each.made else "-", each.note or "-"] for each in found],
        )
    return Exit.OK
