"""Scrubbing: replicas and shards are compared with their checksums, and made anew when they are corrupt."""
