"""Where objects are: the nodes, the ring, and the replicas and shards of each object.

`store_file` and `record` bring an object in, `replicate` makes its other replicas, `signed_urls` and `ffmpeg_input`
read it, `delete_object` deletes it. The modules, each of which imports only those above it:

model, throttle    what an object, a replica and a shard are; the rate limit of background jobs
nodes/             the nodes, their states, the ring, and which of them answer
records, replicas  the rows, and the bytes: reading a good replica, copying one with its checksum compared
deletion_queue     bytes that must be deleted from nodes which may not answer now
io/                the first replica in; signed URLs, functions and ffmpeg out
placement/         what the ring demands of an object, and replication
erasure/           frozen objects: six shards, of which any four give the bytes
repair/            scrub, repair and restore
jobs/              rebalancing and garbage collection

May import shared/{db,outbox,coordination,cache,telemetry,objects} and what these may. All SQL that writes the tables
node, object, replica, shard, removal, garbage, lost_object, replica_check, shard_check, scrub and rebalance is here.
"""

from shared.storage.io.ffmpeg_input import ffmpeg_input
from shared.storage.io.urls import granted_folder, signed_url, signed_urls
from shared.storage.io.write import store_file
from shared.storage.model import ObjectRef, Replica
from shared.storage.placement.replicate import replicate
from shared.storage.records import delete_object, record

__all__ = [
    "ObjectRef",
    "Replica",
    "delete_object",
    "ffmpeg_input",
    "granted_folder",
    "record",
    "replicate",
    "signed_url",
    "signed_urls",
    "store_file",
]
