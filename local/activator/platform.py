"""What every function's process gets from this machine: environment, log file, limits."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from local.activator.launcher import Launcher
from local.activator.processes import Registry
from local.home import Home
from local.layout import SERVE
from local.manifests import Service


@dataclass
class Platform:
    """`variables` are the platform's own: DATABASE_URL, WADI_DATA, JWT_SECRET, WADI_PORT."""

    data: Path
    variables: dict[str, str]
    module: str = SERVE
    idle_seconds: float = 30.0
    start_seconds: float = 30.0
    stop_seconds: float = 10.0
    max_instances: dict[str, int] = field(default_factory=lambda: {"": 2})
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))

    def __post_init__(self) -> None:
        self.home = Home(self.data)
        self.home.logs.mkdir(parents=True, exist_ok=True)
        self.registry = Registry(self.home.run / "instances")
        self.launcher = Launcher(self.module, self.log_file("zygote"), {**os.environ, **self.variables})

    def environment(self, service: Service, port: int) -> dict[str, str]:
        """Ours, then the platform's, then what the manifest says, then what Knative itself sets."""
        return {
            **os.environ,
            **self.variables,
            **service.env,
            "PORT": str(port),
            "CONTAINER_CONCURRENCY": str(service.concurrency or 80),
            "TIMEOUT_SECONDS": str(service.timeout),
            "K_SERVICE": service.name,
            "K_CONFIGURATION": service.name,
            "K_REVISION": f"{service.name}-00001",
        }

    def limit(self, service: Service) -> int:
        """Processes of this service at most.

        max-scale speaks of a cluster; this is one machine. The media image keeps every core busy: there its
        concurrency is what fills the machine, and a second process comes only where the cores allow it.
        """
        if service.name in self.max_instances:
            limit = self.max_instances[service.name]
        else:
            limit = self.max_instances[""]
            if service.image.rpartition("/")[2].partition(":")[0] == "media":
                limit = min(limit, max(1, self.cores // max(1, service.concurrency)))
        if service.concurrency == 0:
            limit = 1  # it takes all that comes
        limit = min(limit, service.max_scale) if service.max_scale else limit
        return max(limit, service.min_scale, 1)

    def log_file(self, name: str) -> Path:
        return self.home.logs / f"{name}.log"
