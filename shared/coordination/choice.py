"""Chooses the implementation: etcd when ETCD_ENDPOINTS is set, else PostgreSQL."""

from functools import lru_cache

from shared.config import setting
from shared.coordination.base import Coordination
from shared.coordination.postgres import PostgresCoordination
from shared.errors import Unavailable


def coordination() -> Coordination:
    return _made(setting("ETCD_ENDPOINTS"), setting("ETCD_PREFIX"))


def renew(node_id: str, ttl_s: float) -> None:
    """The node answers: it counts as alive for `ttl_s` seconds. Raises Unavailable."""
    coordination().renew(node_id, ttl_s)


def alive() -> set[str]:
    """The ids of the nodes whose lease has not ended. Raises Unavailable."""
    return coordination().alive()


def unhealthy_reason() -> str | None:
    """Why etcd does not answer, in one line; None when it does or is not used. /ready asks PostgreSQL itself."""
    if not setting("ETCD_ENDPOINTS"):
        return None
    try:
        alive()
    except Unavailable as error:
        return str(error)
    return None


@lru_cache(maxsize=8)
def _made(endpoints: str, _prefix: str) -> Coordination:
    if not endpoints:
        return PostgresCoordination()
    from shared.coordination.etcd import EtcdCoordination

    return EtcdCoordination()
