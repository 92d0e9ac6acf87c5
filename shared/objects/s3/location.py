"""Where an S3 node is: its bucket and prefix, the server that has them, and how that server is reached.

What a node's own options do not say (endpoint, region, profile, public), the settings say, each time that it is asked:
a server that moved needs no change in the database.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from shared.config import ConfigError, setting

OPTIONS = ("endpoint", "region", "profile", "public")

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")


class Server(NamedTuple):
    """What one client speaks to, and as whom."""

    endpoint: str  # "" for Amazon's own
    region: str
    profile: str  # of the AWS credentials file; "" for the standard environment
    virtual: bool  # buckets are host names, not the beginning of a path

    @property
    def url(self) -> str:
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"


class Location(NamedTuple):
    bucket: str
    prefix: str  # ends with a slash unless it is empty
    server: Server
    public: str  # scheme and host that viewers and uploaders reach the server by

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


def located(location: str, options: Mapping[str, str] | None = None) -> Location:
    """What `s3://bucket/optional/prefix` is. Raises ConfigError that says what is wrong with it or with a setting."""
    options = options or {}
    bucket, prefix = split(location)
    unknown = sorted(options.keys() - set(OPTIONS))
    if unknown:
        raise ConfigError(f"{location}: {unknown[0]} is no option of an S3 node; there are {', '.join(OPTIONS)}.")
    endpoint = _address("S3_ENDPOINT_URL", options.get("endpoint"))
    server = Server(
        endpoint,
        options.get("region") or setting("AWS_REGION"),
        options.get("profile") or "",
        setting("S3_ADDRESSING") == "virtual",
    )
    # the public name of the settings is that of the settings' server, not of one that a node brings itself
    public = _address("S3_PUBLIC_URL", options.get("public") or (endpoint if options.get("endpoint") else None))
    return Location(bucket, prefix, server, public or server.url)


def split(location: str) -> tuple[str, str]:
    """The bucket, and the prefix with a slash at its end. Raises ConfigError."""
    bucket, _, prefix = location.removeprefix("s3://").strip("/").partition("/")
    if not location.startswith("s3://") or not _BUCKET.fullmatch(bucket):
        raise ConfigError(f"{location!r} names no bucket: it should look like s3://bucket or s3://bucket/prefix.")
    if prefix and not _PREFIX.fullmatch(prefix):
        raise ConfigError(f"{location!r}: the prefix {prefix!r} is not a plain path of letters, digits, '.', '_', '-'.")
    return bucket, f"{prefix}/" if prefix else ""


def declared() -> list[tuple[str, dict[str, str]]]:
    """The nodes that AWS_S3_BUCKET names, each with its options; none when it is not set. Raises ConfigError."""
    found = []
    for part in setting("AWS_S3_BUCKET").split(","):
        if name := part.strip():
            try:
                bucket, prefix = split(name if name.startswith("s3://") else f"s3://{name}")
            except ConfigError as error:
                raise ConfigError(f"AWS_S3_BUCKET: {error}") from None
            found.append((f"s3://{bucket}/{prefix}".rstrip("/"), dict[str, str]()))
    names = [name for name, _ in found]
    if len(set(names)) < len(names):
        raise ConfigError(f"AWS_S3_BUCKET={setting('AWS_S3_BUCKET')!r} names the same location twice.")
    return found


def _address(name: str, own: str | None) -> str:
    """Scheme and host, of a node's own option or of the setting of that name; signatures are made for the host."""
    text = (own or setting(name)).rstrip("/")
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ConfigError(f"{name}={text!r} should be http(s)://host or http(s)://host:port, with no path.")
    return text
