"""The runner's settings, read from the environment once."""

from dataclasses import dataclass, field

from local.delivery.chaos import Chaos, parse
from shared.config import ConfigError, check_settings, duration, integer, setting


@dataclass
class Settings:
    host: str
    port: int
    public_url: str
    idle_seconds: float
    json_limit: int
    max_instances: dict[str, int] = field(default_factory=dict)
    chaos: Chaos = field(default_factory=Chaos)


def from_environment() -> Settings:
    """Raises ConfigError."""
    check_settings()
    return Settings(
        host=setting("WADI_HOST"),
        port=integer("WADI_PORT"),
        public_url=setting("PUBLIC_URL").rstrip("/"),
        idle_seconds=duration("WADI_IDLE_SECONDS"),
        json_limit=integer("MAX_BODY_BYTES"),
        max_instances=_max_instances(),
        chaos=parse(setting("WADI_CHAOS")),
    )


def _max_instances() -> dict[str, int]:
    """`2`, or with exceptions: `2,transcode-segment=4`. The key "" is for all others."""
    limits = {"": 2}
    for part in setting("WADI_MAX_INSTANCES").split(","):
        name, _, number = part.strip().rpartition("=")
        if not number.isdigit() or int(number) < 1:
            raise ConfigError(f"WADI_MAX_INSTANCES: {part!r} is not a number of at least 1, or <service>=<number>.")
        limits[name] = int(number)
    return limits
