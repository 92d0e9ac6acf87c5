"""Cron schedules as PingSource has them: five fields, or one of the usual names."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

from cronsim import CronSim, CronSimError

NAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


def schedule(text: str, after: datetime | None = None) -> Iterator[datetime]:
    """The times of a schedule later than `after` (its timezone is the schedule's). Raises CronSimError."""
    fields = NAMES.get(text, text)
    if len(fields.split()) != 5:
        raise CronSimError("a schedule has five fields: minute, hour, day, month, day of week")
    return cast(Iterator[datetime], CronSim(fields, after or datetime.now(UTC)))
