"""Identifiers."""

import os
import time
import uuid


def new_id() -> str:
    """A UUIDv7 (RFC 9562 section 5.7) as text: unique without coordination, and sorted by the time it was made."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF000 << 64) | 0x7000 << 64
    value = value & ~(0xC000 << 48) | 0x8000 << 48
    return str(uuid.UUID(int=value))
