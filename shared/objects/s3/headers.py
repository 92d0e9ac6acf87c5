"""What each object is stored with."""

from base64 import b64encode
from typing import Any

from shared.objects.base import content_type
from shared.objects.s3.client import encryption

FOREVER = "private, max-age=31536000, immutable"  # objects never change


def object_headers(key: str) -> dict[str, Any]:
    """The content type, how long browsers may keep it, and the encryption, as parameters of boto3."""
    return {"ContentType": content_type(key), "CacheControl": FOREVER, **encryption()}


def base64(digest: bytes) -> str:
    """A checksum as S3 writes it."""
    return b64encode(digest).decode()
