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
    """`check` is the name of a function of `module`. It asks the backend, within a second, and gives in one line the
    reason why the backend does not answer: the variable, the address, what was refused. None when it answers.

    The module is named and not imported, so that asking about a backend does not make a function load it.
    """

    name: str
    setting: str
    module: str
    check: str
    required: bool = False

    def unhealthy(self, module: ModuleType) -> str | None:
        reason: str | None = getattr(module, self.check)()
        return reason


# Without any of these a function does its work: events wait in the outbox, the cache finds nothing, search answers 503.
BACKENDS = (
    Backend("kafka", "KAFKA_BROKERS", "shared.outbox.kafka.client", "unhealthy"),
    Backend("broker", "K_SINK", "shared.outbox.broker.sink", "unhealthy"),
    Backend("redis", "REDIS_URL", "shared.cache", "unhealthy"),
    Backend("coordination", "ETCD_ENDPOINTS", "shared.coordination.choice", "trouble"),
    Backend("search", "OPENSEARCH_URL", "shared.search", "unhealthy"),
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
        reason = backend.unhealthy(module)
        metrics.BACKEND_UP.labels(backend.name).set(reason is None)
        found.backends[backend.name] = "ok" if reason is None else "down"
        if reason is not None:
            (found.down if backend.required else found.degraded)[backend.name] = reason
    return found
