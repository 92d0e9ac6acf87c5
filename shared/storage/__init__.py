"""Where objects are: the ring, the nodes, and the replicas of each object.

`store_file` and `record` bring an object in, `place` makes its other replicas, `signed_urls` and `source` read it,
`delete_object` removes it.
"""

from shared.storage.io.source import source
from shared.storage.io.urls import signed_url, signed_urls
from shared.storage.io.write import Stored, delete_object, record, store_file
from shared.storage.placement.replicate import place

__all__ = ["Stored", "delete_object", "place", "record", "signed_url", "signed_urls", "source", "store_file"]
