"""OpenSearch, out of its jars on Maven Central; its distribution is not there, so the main class is ours."""

from pathlib import Path

import httpx

from tools.backends import java
from tools.backends.cache import kept
from tools.backends.server import LOOPBACK, Program, Server, serve

NAME = "opensearch"
VERSION = "3.8.0"
MODULES = (
    "transport-netty4-client", "analysis-common", "lang-painless", "mapper-extras-client", "reindex-client",
    "parent-join-client", "aggs-matrix-stats-client",
)  # fmt: skip
ARTIFACTS = (
    f"org.opensearch:opensearch:{VERSION}",
    f"org.opensearch:opensearch-plugin-classloader:{VERSION}",
    *(f"org.opensearch.plugin:{module}:{VERSION}" for module in MODULES),
    "org.apache.logging.log4j:log4j-core:2.25.4",  # the version of its log4j-api
)
MAIN = "OpenSearchServer"
FLAGS = ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]


def install() -> tuple[Path, Path]:
    """The jars, and the compiled main class."""
    jars = kept(f"opensearch-{VERSION}", lambda folder: java.jars(NAME, folder, *ARTIFACTS))
    return jars, java.compiled(NAME, VERSION, MAIN, *sorted(jars.glob("*.jar")))


def start(folder: Path, host: str = LOOPBACK) -> Server:
    jars, classes = install()

    def program(home: Path, ports: list[int]) -> Program:
        (home / "data").mkdir(exist_ok=True)
        command = [str(java.runtime(NAME)), "-Xmx512m", *java.FLAGS, *FLAGS]
        command += ["-cp", java.classpath(classes, jars / "*"), MAIN]
        url = f"http://{host}:{ports[0]}"
        return Program(
            [*command, str(home), host, *map(str, ports)], lambda: _health(url), {"OPENSEARCH_URL": url}, patience=120
        )

    return serve(NAME, folder, 2, program, host)


def _health(url: str) -> None:
    answer = httpx.get(f"{url}/_cluster/health", params={"wait_for_status": "yellow", "timeout": "1s"}, timeout=5)
    answer.raise_for_status()
