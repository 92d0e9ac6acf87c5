"""/local/status as text."""

from collections.abc import Mapping
from typing import Any


def show_processes(status: Mapping[str, Any]) -> str:
    """A line for each function, with its processes and what waits for it."""
    lag: dict[str, int] = {}
    for source in status["sources"]:
        lag[source["sink"]] = lag.get(source["sink"], 0) + source["lag"]
    rows = [("FUNCTION", "STATE", "PIDS", "BUSY", "WAITING", "OWED", "STARTS", "LAST CRASH")]
    for service in status["services"]:
        processes = service["processes"]
        rows.append(
            (
                service["name"],
                ",".join(sorted({one["state"] for one in processes})) or "zero",
                " ".join(str(one["pid"]) for one in processes) or "-",
                str(sum(one["in_flight"] for one in processes)),
                str(service["waiting"]),
                str(lag.get(service["name"], 0)),
                str(service["starts"]),
                service["last_crash"][:160] or "-",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*lines, "", f"{status['url']}, up for {status['up_seconds']:.0f} s"])
