"""wadi events"""

import argparse

from cli.errors import CliError
from cli.exits import Exit
from cli.session import Session

HELP = "show CloudEvents as they flow (on the machine of the platform)"


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--follow", "-f", action="store_true", help="stay, and show events as they come")
    parser.add_argument("--from-start", action="store_true", help="with --follow: first those that are there")
    parser.add_argument(
        "--type", action="append", default=[], metavar="TYPE", help="only this type, e.g. 'wadi.video.*'; repeatable"
    )
    parser.add_argument("--subject", metavar="ID", help="only of this video, its segments included")


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli import events, kafka_events
    from cli.events import Filter, print_event
    from shared.outbox.transport import Transport, transport

    if transport() is Transport.BROKER:
        raise CliError("K_SINK is set: events go to a Broker, which shows them to its Triggers only.")
    records = kafka_events.records if transport() is Transport.KAFKA else events.records
    wanted = Filter(args.type, args.subject)
    from_start = args.from_start or not args.follow
    for event in records(follow=args.follow, from_start=from_start):
        if wanted.takes(event):
            print_event(session.out, event)
    return Exit.OK
