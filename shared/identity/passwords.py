"""Passwords: bcrypt, at a cost that makes guessing slow.

bcrypt reads at most 72 bytes and stops at a zero byte, so it gets a digest of the password: 44 characters that depend
on all of it. The digest is of a labelled input, so that a plain SHA-256 stolen elsewhere is of no use here.
"""

import base64
import hashlib
import unicodedata

from shared.config import integer

LOWEST_COST = 10


def hash_password(password: str) -> str:
    """A salted bcrypt hash at BCRYPT_COST."""
    import bcrypt

    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(integer("BCRYPT_COST"))).decode()


def check_password(password: str, stored: str | None) -> bool:
    """Whether the password is the one that was hashed. Without a hash (no such account) the result is False after the
    same work, so that the response time does not reveal whether an account exists."""
    import bcrypt

    matches = bcrypt.checkpw(_digest(password), (stored or _hash_of_nobody()).encode())
    return matches and stored is not None


def needs_rehash(stored: str) -> bool:
    """Whether the hash was made with a cost other than the present BCRYPT_COST."""
    return int(stored.split("$")[2]) != integer("BCRYPT_COST")


def _digest(password: str) -> bytes:
    # NFC: the same letters typed on another keyboard are the same password
    text = "wadi password:" + unicodedata.normalize("NFC", password)
    return base64.b64encode(hashlib.sha256(text.encode()).digest())


def _hash_of_nobody() -> str:
    """A well-formed hash that no known password has."""
    return f"$2b${integer('BCRYPT_COST'):02d}${'wadi' * 5}we{'n' * 31}"
