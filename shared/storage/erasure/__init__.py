"""Frozen objects: six shards by Reed-Solomon, of which any four give the bytes back."""
