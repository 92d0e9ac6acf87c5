"""wadi ps"""

import argparse
from typing import Any

from cli.exits import Exit
from cli.session import Session

HELP = "which functions have processes right now"


def arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace, session: Session) -> Exit:
    from cli.platform import local_status

    status = local_status(session)
    functions = [function(each, status["sources"]) for each in status["services"]]
    if session.out.json:
        for each in functions:
            session.out.emit(each)
        return Exit.OK
    session.out.table(
        ["function", "state", "pids", "busy", "waiting", "owed", "starts", "last crash"],
        [[_cell(value) for value in each.values()] for each in functions],
    )
    running = sum(len(each["pids"]) for each in functions)
    session.out.say(f"\n{running} of {len(functions)} functions' processes run; a function with none starts on demand.")
    return Exit.OK


def function(service: dict[str, Any], sources: list[dict[str, Any]]) -> dict[str, Any]:
    """One function: its processes, what they are at, and how many events it is still owed."""
    processes = service["processes"]
    return {
        "name": service["name"],
        "state": ",".join(sorted({each["state"] for each in processes})) or "zero",
        "pids": [each["pid"] for each in processes],
        "busy": sum(each["in_flight"] for each in processes),
        "waiting": service["waiting"],
        "owed": sum(source["lag"] for source in sources if source["sink"] == service["name"]),
        "starts": service["starts"],
        "last_crash": service["last_crash"],
    }


def _cell(value: Any) -> str:
    text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text[:60] or "-"
