"""Logs: one JSON object a line on stderr, with the function, the trace, and the video, object or node it is about."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from shared.config import ConfigError, setting
from shared.telemetry import trace

FIELDS = {"video_id": "video", "object_key": "object", "node_id": "node"}  # of an event's data: the name in the logs

_about: ContextVar[dict[str, str] | None] = ContextVar("about", default=None)


def set_subject(data: Any) -> None:
    """From now on the lines of this request or event have the fields that its data name; None clears them."""
    found = {field: getattr(data, name, None) for name, field in FIELDS.items()}
    _about.set({field: str(value) for field, value in found.items() if value is not None})


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "function": setting("FUNCTION_TARGET"),
            "trace": trace.current()[3:35],
            **(_about.get() or {}),
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line)


def configure() -> None:
    """Raises ConfigError."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("wadi")
    logger.handlers[:] = [handler]
    logger.propagate = False
    try:
        logger.setLevel(setting("LOG_LEVEL").upper())
    except ValueError:
        raise ConfigError(f"LOG_LEVEL={setting('LOG_LEVEL')!r} is none of DEBUG, INFO, WARNING and ERROR.") from None
