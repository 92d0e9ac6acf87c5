"""Objects out: URLs for clients. What ffmpeg reads is in ffmpeg_input.py."""

import time
from collections.abc import Iterable, Sequence
from functools import cache
from zlib import crc32

from msgspec import Struct

from shared.config import integer
from shared.db import Transaction
from shared.errors import Problem
from shared.objects import signing
from shared.storage.nodes.nodes import load

FROZEN_PATH = "/api/objects"  # of get_object, which decodes


class _WithReplicas(Struct):
    key: str
    size: int
    nodes: list[str]


_REPLICAS = """
    select key, size, array_agg(node_id order by node_id) as nodes from object join replica on object_key = key
    where key = any(%s) group by key
"""


def signed_url(tx: Transaction, key: str, expires_in: int | None = None) -> str:
    """A URL that reads the object. Raises Problem not-found when there is no such object."""
    try:
        return signed_urls(tx, [key], expires_in)[key]
    except KeyError:
        raise Problem("not-found", "There is no such object.") from None


def signed_urls(tx: Transaction, keys: Iterable[str], expires_in: int | None = None) -> dict[str, str]:
    """A URL for each key that is an object; `expires_in` seconds, by default SIGNED_URL_SECONDS.

    Of a directory it is relative to the gateway: it works under every name that the gateway is reached by. Readers of
    one key are spread over its replicas by key, and one URL stays the same for a while, so that caches hit. Replicas on
    nodes that do not answer are left out while there are others. A frozen object is read through get_object.
    """
    wanted = list(keys)
    found = tx.all(_WithReplicas, _REPLICAS, (wanted,))
    nodes = load(tx)
    expires_at = _expiry(integer("SIGNED_URL_SECONDS") if expires_in is None else expires_in)
    store, healthiest = cache(nodes.store), cache(nodes.healthiest)  # a manifest has a thousand keys on few nodes
    urls = {}
    missing = set(wanted) - {each.key for each in found}
    if missing:
        frozen = set(
            tx.values(str, "select distinct object_key from shard where object_key = any(%s)", (list(missing),))
        )
        urls = {key: signing.sign("GET", FROZEN_PATH, expires_at, {"key": key}) for key in frozen}
        found += tx.all(_WithReplicas, _REPLICAS, (list(missing - frozen),))  # thawed this very moment
    for each in found:
        node_id = one_of(each.key, healthiest(tuple(each.nodes)))
        urls[each.key] = store(node_id).signed_url(each.key, expires_at, size=each.size)
    return urls


def granted_folder(subject: str) -> str:
    """The name of a folder that is the permission to read what is in it, for SIGNED_URL_SECONDS (see signing.grant)."""
    return signing.grant(subject, _expiry(integer("SIGNED_URL_SECONDS")))


def one_of(key: str, healthy: Sequence[str]) -> str:
    """Which of the nodes that have the key, and answer, its readers are sent to."""
    return healthy[crc32(key.encode()) % len(healthy)]


def _expiry(seconds: int) -> int:
    """At least so many seconds from now, rounded up: all URLs that are signed within a twelfth of that are equal."""
    grain = max(1, min(3600, seconds // 12))
    return -(-(int(time.time()) + seconds) // grain) * grain
