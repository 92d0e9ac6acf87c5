"""Test mode: deliveries duplicated, delayed and in another order, from a seed.

    WADI_CHAOS="seed=7,duplicate=0.3,delay=0.5,reorder=0.3"

Each number is a probability. What happens to an event depends only on the seed, the group and the event's position,
not on the time. Events of one key of an ordered source keep their order, as in Kafka.
"""

import random
from dataclasses import dataclass, fields

from local.delivery.queue import PendingEvent
from shared.config import ConfigError

LONGEST_DELAY = 2.0
WINDOW = 20  # how far an event may fall behind


@dataclass
class Chaos:
    seed: int = 0
    duplicate: float = 0.0
    delay: float = 0.0
    reorder: float = 0.0

    def __post_init__(self) -> None:
        self._delayed: set[tuple[str, int]] = set()

    @property
    def window(self) -> int:
        return WINDOW if self.reorder else 0

    def _chance(self, what: str, group: str, position: int) -> random.Random:
        return random.Random(f"{self.seed} {what} {group} {position}")  # noqa: S311 - repeatable by design

    def duplicated(self, group: str, position: int) -> bool:
        return self._chance("duplicate", group, position).random() < self.duplicate

    def delayed(self, group: str, position: int) -> float:
        """Seconds to postpone the event; 0 when it was postponed already."""
        chance = self._chance("delay", group, position)
        if chance.random() >= self.delay or (group, position) in self._delayed:
            return 0.0
        self._delayed.add((group, position))
        return chance.uniform(0.05, LONGEST_DELAY)

    def shuffled(self, group: str, events: list[PendingEvent]) -> list[PendingEvent]:
        """Some fall behind those that came later."""

        def rank(one: PendingEvent) -> float:
            chance = self._chance("reorder", group, one.position)
            return one.position + (chance.uniform(1, WINDOW) if chance.random() < self.reorder else 0)

        return sorted(events, key=rank)


def parse(text: str) -> Chaos:
    """Chaos from WADI_CHAOS; none at all when it is empty. Raises ConfigError."""
    known = {field.name for field in fields(Chaos)}
    values: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name not in known:
            raise ConfigError(f"WADI_CHAOS: {name!r} is not one of {', '.join(sorted(known))}.")
        try:
            values[name] = float(value)
        except ValueError:
            raise ConfigError(f"WADI_CHAOS: {name}={value!r} is not a number.") from None
        if name != "seed" and not 0 <= values[name] <= 1:
            raise ConfigError(f"WADI_CHAOS: {name}={value} is not between 0 and 1.")
    seed = int(values.pop("seed", 0))
    return Chaos(seed=seed, **values)
