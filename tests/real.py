"""The real servers that `./task backends` runs: `need("kafka")` gives a test its address, or says why it is skipped.

The addresses are read when this is imported, before the fixtures clear the settings of the person who runs the tests:
from `.backends/env`, and from the environment, which comes first.
"""

import os
import socket
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ENV = Path(__file__).resolve().parents[1] / ".backends" / "env"
VARIABLES = {
    "postgres": "DATABASE_URL",
    "kafka": "KAFKA_BROKERS",
    "s3": "S3_ENDPOINT_URL",
    "s3mock": "S3MOCK_URL",
    "opensearch": "OPENSEARCH_URL",
    "redis": "REDIS_URL",
    "etcd": "ETCD_ENDPOINTS",
}
MISSING = r"(\w+) does not run: "  # how the reason for skipping begins; tests/running.py counts them
S3_VARIABLES = ("S3_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")


def _read() -> dict[str, str]:
    try:
        lines = ENV.read_text().splitlines()
    except FileNotFoundError:
        lines = []
    written = dict(line.split("=", 1) for line in lines if "=" in line)
    return written | {name: os.environ[name] for name in (*VARIABLES.values(), *S3_VARIABLES) if os.environ.get(name)}


_found = _read()
_required = bool(os.environ.get("REQUIRE_BACKENDS"))


def need(name: str) -> str:
    """The address of a running server; else the test is skipped, and fails under REQUIRE_BACKENDS=1."""
    address = _found.get(VARIABLES[name], "")
    if _listens(address):
        return address
    missing = f"{name} does not run: ./task backends starts it"
    if _required:
        pytest.fail(missing)
    pytest.skip(missing)


@cache
def _listens(address: str) -> bool:
    """What is written in `.backends/env` outlives a restart of the machine; the servers do not."""
    where = urlsplit(address if "://" in address else f"//{address.split(',')[0]}")
    try:
        socket.create_connection((where.hostname or "", where.port or 0), timeout=5).close()
    except OSError:
        return False
    return True


def s3_settings() -> dict[str, str]:
    """What the environment has to hold to use the S3 server."""
    need("s3")
    return {name: _found[name] for name in S3_VARIABLES if name in _found}
