"""Which backends answer. A function without an optional backend is ready, but degraded.

BACKENDS is the one list. A function is asked only about the backends whose module it has loaded, so about those that
it uses, and of them only about those whose setting is set.
"""

import importlib
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

from shared.config import setting
from shared.telemetry import metrics


class Backend(NamedTuple):
    """The module's `unhealthy_reason()` asks the backend, within a second, and gives in one line the reason why it does
    not answer: the variable, the address, what was refused. None when it answers.

    The module is named and not imported, so that asking about a backend does not make a function load it.
    """

    name: str
    setting: str
    module: str
    required: bool = False


# Without any of these a function does its work: events wait in the outbox, the cache finds nothing, search answers 503.
BACKENDS = (
    Backend("kafka", "KAFKA_BROKERS", "shared.outbox.kafka.client"),
    Backend("broker", "K_SINK", "shared.outbox.broker.sink"),
    Backend("redis", "REDIS_URL", "shared.cache"),
    Backend("coordination", "ETCD_ENDPOINTS", "shared.coordination.choice"),
    Backend("search", "OPENSEARCH_URL", "shared.search"),
)


class Readiness(NamedTuple):
    """`down` holds required backends that do not answer, `degraded` the others that do not: name -> reason."""

    backends: dict[str, str]
    down: dict[str, str]
    degraded: dict[str, str]


def readiness_of_function() -> Readiness:
    """Asks the backends that this process uses; wadi_backend_up tells Prometheus the same."""
    return _asked([(one, sys.modules[one.module]) for one in BACKENDS if one.module in sys.modules])


def readiness_of_platform() -> Readiness:
    """Asks all backends that are set."""
    return _asked([(one, importlib.import_module(one.module)) for one in BACKENDS if setting(one.setting)])


def _asked(backends: Sequence[tuple[Backend, ModuleType]]) -> Readiness:
    found = Readiness({}, {}, {})
    for backend, module in backends:
        if not setting(backend.setting):
            continue
        reason: str | None = module.unhealthy_reason()
        metrics.BACKEND_UP.labels(backend.name).set(reason is None)
        found.backends[backend.name] = "ok" if reason is None else "down"
        if reason is not None:
            (found.down if backend.required else found.degraded)[backend.name] = reason
    return found
