"""The cold tier: frozen objects are six shards by Reed-Solomon, of which any four give the bytes back."""
