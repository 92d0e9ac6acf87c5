"""wadi storage report"""

import argparse

from cli.exits import Exit
from cli.session import Session

HELP = "how many bytes are in which tier, and what freezing saves"


def arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.model import StorageReport
    from cli.upload.show import size

    report = session.api.get("/api/storage/report", StorageReport)
    if session.out.json:
        session.out.emit(report)
        return Exit.OK
    session.out.table(
        ["tier", "objects", "bytes", "replicas", "on the nodes"],
        [
            [name, str(tier.objects), size(tier.bytes), str(tier.replicas), size(tier.stored_bytes)]
            for name, tier in (("hot", report.hot), ("cold", report.cold), ("sources", report.sources))
        ],
    )
    share = report.saved_bytes / report.replicated_bytes if report.replicated_bytes else 0.0
    session.out.say(
        f"{size(report.stored_bytes)} are stored; with {report.replication_factor} replicas of all it would be"
        f" {size(report.replicated_bytes)}: {share:.0%} saved."
    )
    session.out.say(f"Freezing: {report.freezing}.")
    if report.waiting_removals:
        session.out.say(f"{report.waiting_removals} deleted objects wait for nodes that do not answer.")
    return Exit.OK
