"""Locks and node leases in etcd: a key under ETCD_PREFIX whose lease its holder renews.

Each call tries the endpoints of ETCD_ENDPOINTS in turn. A connection that failed is not used again: the client
(etcd-sdk-python) would leave its endpoint out for five minutes, and gRPC would wait longer and longer to reconnect.
"""

import os
import threading
from collections.abc import Callable
from math import ceil
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from shared.config import ConfigError, setting
from shared.coordination.base import Coordination
from shared.errors import Unavailable

TIMEOUT_S = 2

T = TypeVar("T")


class Endpoint(NamedTuple):
    host: str
    port: int
    tls: bool


class EtcdCoordination(Coordination):
    def __init__(self) -> None:
        self._prefix = setting("ETCD_PREFIX").strip("/")
        self._leases: dict[tuple[str, str], int] = {}
        self._client: tuple[int, Any] | None = None
        self._first = 0  # the index of the endpoint that answered last
        self._guard = threading.Lock()

    def acquire(self, name: str, holder: str, ttl_s: float) -> bool:
        key = self._lock_key(name)

        def work(client: Any) -> bool:
            lease = client.lease(ceil(ttl_s))
            free, answers = client.transaction(
                compare=[client.transactions.create(key) == 0],
                success=[client.transactions.put(key, holder, lease.id)],
                failure=[client.transactions.get(key)],
            )
            if free:
                self._leases[name, holder] = lease.id
                return True
            client.revoke_lease(lease.id)
            ((value, about),) = answers[0]
            if value != holder.encode():
                return False
            self._leases[name, holder] = about.lease_id  # granted by a request whose answer was lost
            return True

        return self._ask(work)

    def keep(self, name: str, holder: str, ttl_s: float) -> bool:
        lease = self._leases.get((name, holder))
        if lease is None:
            return False
        return self._ask(lambda client: any(answer.TTL > 0 for answer in client.refresh_lease(lease)))

    def release(self, name: str, holder: str) -> None:
        lease, key = self._leases.pop((name, holder), None), self._lock_key(name)

        def work(client: Any) -> None:
            if client.get(key)[0] == holder.encode():  # a lease that has ended cannot be revoked
                client.revoke_lease(lease)

        if lease is not None:
            self._ask(work)

    def renew(self, node_id: str, ttl_s: float) -> None:
        key = f"{self._nodes_prefix()}{node_id}"
        self._ask(lambda client: client.put(key, b"", client.lease(ceil(ttl_s))))

    def alive(self) -> set[str]:
        prefix = self._nodes_prefix()
        found = self._ask(lambda client: list(client.get_prefix(prefix, keys_only=True)))
        return {about.key.decode().removeprefix(prefix) for _, about in found}

    def _lock_key(self, name: str) -> str:
        return f"{self._prefix}/locks/{name}"

    def _nodes_prefix(self) -> str:
        return f"{self._prefix}/nodes/"

    def _ask(self, work: Callable[[Any], T]) -> T:
        """The result of the first endpoint that answers. Raises Unavailable."""
        from pyetcd import Etcd3Exception  # type: ignore[import-untyped]
        from pyetcd.client import grpc  # type: ignore[import-untyped]

        reason = ""
        for _ in endpoints():
            try:
                return work(self._connected())
            except (Etcd3Exception, grpc.RpcError) as error:
                reason = f"{type(error).__name__} {' '.join(str(error).split())}".strip()
                with self._guard:
                    self._client, self._first = None, self._first + 1
        raise Unavailable(f"ETCD_ENDPOINTS: no answer from {setting('ETCD_ENDPOINTS')}: {reason}")

    def _connected(self) -> Any:
        """The client of this process: a forked child needs its own connection."""
        with self._guard:
            if self._client is None or self._client[0] != os.getpid():
                named = endpoints()
                self._client = os.getpid(), _connect(named[self._first % len(named)])
            return self._client[1]


def endpoints() -> list[Endpoint]:
    """What ETCD_ENDPOINTS names. Raises ConfigError."""
    found = []
    for text in filter(None, (part.strip() for part in setting("ETCD_ENDPOINTS").split(","))):
        try:
            url = urlsplit(text if "://" in text else f"http://{text}")
            if url.scheme not in ("http", "https") or not url.hostname:
                raise ValueError
            found.append(Endpoint(url.hostname, url.port or 2379, url.scheme == "https"))
        except ValueError:
            raise ConfigError(f"ETCD_ENDPOINTS: {text!r} is not of the form host:port or https://host:port.") from None
    return found


def _connect(endpoint: Endpoint) -> Any:
    from pyetcd.client import Endpoint as Server
    from pyetcd.client import MultiEndpointEtcd3Client, grpc

    where = Server(
        endpoint.host,
        endpoint.port,
        secure=endpoint.tls,
        creds=grpc.ssl_channel_credentials() if endpoint.tls else None,
        time_retry=0,
    )
    return MultiEndpointEtcd3Client(endpoints=[where], timeout=TIMEOUT_S)
