"""Scrubbing: replicas and shards are compared with their checksums, and rebuilt when they are corrupt."""
