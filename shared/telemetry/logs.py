"""Logs: one JSON object a line on stderr, with the function, the trace and what else is known."""

import json
import logging
import sys
from datetime import UTC, datetime

from shared.config import ConfigError, setting
from shared.telemetry import trace


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "function": setting("FUNCTION_TARGET"),
            "trace": trace.current()[3:35],
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure() -> None:
    """Raises ConfigError."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    logger = logging.getLogger("wadi")
    logger.handlers[:] = [handler]
    logger.propagate = False
    try:
        logger.setLevel(setting("LOG_LEVEL").upper())
    except ValueError:
        raise ConfigError(f"LOG_LEVEL={setting('LOG_LEVEL')!r} is none of DEBUG, INFO, WARNING and ERROR.") from None
